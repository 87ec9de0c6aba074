/** Notice of a command that failed. */

import { mayPass, reasonFor } from "../conversations/api-error.js";

/**
 * @param {{show: (toast: import("../ui/toast-view.js").Toast) => void}} toasts
 * @param {string} trouble what failed, as a sentence
 * @param {unknown} error
 * @param {() => void} [again] offered where the same command may succeed later
 */
export function reportTrouble(toasts, trouble, error, again) {
  const action = again && mayPass(error) ? { label: "Try again", act: again } : undefined;
  toasts.show({ text: `${trouble} ${reasonFor(error)}`, tone: "bad", action });
}
