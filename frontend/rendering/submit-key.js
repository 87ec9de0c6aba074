/** Keys that submit a text, told from those that an input method uses. Every text field of the page asks here. */

/** @typedef {Pick<KeyboardEvent, "key" | "shiftKey" | "isComposing" | "keyCode">} Key */

/** The key code of a key that an input method has handled. */
const HANDLED_BY_INPUT_METHOD = 229;

/**
 * Whether the key belongs to an input method's composition. Safari ends a composition before it reports the key that ended it:
 * `isComposing` is false by then, and only the key code tells.
 * @param {Pick<Key, "isComposing" | "keyCode">} event
 */
export function isComposing({ isComposing, keyCode }) {
  return isComposing || keyCode === HANDLED_BY_INPUT_METHOD;
}

/**
 * Whether the key submits a text: Enter without Shift, and not the Enter that ends a composition.
 * @param {Key} event
 */
export function isSubmitEnter(event) {
  return event.key === "Enter" && !event.shiftKey && !isComposing(event);
}
