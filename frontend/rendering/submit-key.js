/** Keys that submit a text, told from those that an input method uses. Every text field of the page asks here. */

/** @typedef {Pick<KeyboardEvent, "key" | "shiftKey" | "isComposing" | "keyCode">} Key */
/** @typedef {Key & Pick<KeyboardEvent, "ctrlKey" | "metaKey" | "altKey">} KeyWithModifiers */

/** The key code of a key that an input method has handled. */
const HANDLED_BY_INPUT_METHOD = 229;
/** A device with a keyboard on its screen and no pointer that hovers: a phone, or a tablet without a trackpad. */
const TOUCH = "(pointer: coarse) and (any-hover: none)";

/**
 * Whether the key belongs to an input method's composition. Safari ends a composition before it reports the key that ended it:
 * `isComposing` is false by then, and only the key code tells.
 * @param {Pick<Key, "isComposing" | "keyCode">} event
 */
export function isComposing({ isComposing, keyCode }) {
  return isComposing || keyCode === HANDLED_BY_INPUT_METHOD;
}

/**
 * Whether the key submits a single line: Enter without Shift, and not the Enter that ends a composition.
 * @param {Key} event
 */
export function isSubmitEnter(event) {
  return event.key === "Enter" && !event.shiftKey && !isComposing(event);
}

/**
 * Whether the key submits a text of several lines: Ctrl+Enter and Cmd+Enter everywhere, and Enter alone where that starts no new line.
 * @param {KeyWithModifiers} event
 * @param {boolean} [startsLine] whether Enter alone starts a new line here
 */
export function isSendKey(event, startsLine = isTouchDevice()) {
  return isSubmitEnter(event) && (event.ctrlKey || event.metaKey || (!startsLine && !event.altKey));
}

/** Whether Enter starts a new line: the keyboard on a touch device's screen has no Shift+Enter. */
export function isTouchDevice() {
  return matchMedia(TOUCH).matches;
}

/**
 * Reports when the device becomes a touch device, or is none any longer: a tablet gets a trackpad.
 * @param {() => void} changed
 * @param {AbortSignal} signal
 */
export function watchTouch(changed, signal) {
  matchMedia(TOUCH).addEventListener("change", changed, { signal });
}
