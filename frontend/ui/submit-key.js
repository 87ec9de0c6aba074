/** Rules for the keys that submit a text, which every text field uses. Keys of an input method never submit. */

/** @typedef {Pick<KeyboardEvent, "key" | "shiftKey" | "isComposing" | "keyCode">} Key */
/** @typedef {Key & Pick<KeyboardEvent, "ctrlKey" | "metaKey" | "altKey">} KeyWithModifiers */

/** Key code that browsers report for a key that an input method has handled. */
const HANDLED_BY_INPUT_METHOD = 229;
/**
 * Media query for a device with an on-screen keyboard and no hovering pointer: a phone, or a tablet without a trackpad.
 */
const TOUCH = "(pointer: coarse) and (any-hover: none)";

/**
 * Return true if the key belongs to an input method's composition. Safari ends a composition before it reports the key
 * that ended it: `isComposing` is then false, and only the key code shows it.
 * @param {Pick<Key, "isComposing" | "keyCode">} event
 */
export function isComposing({ isComposing, keyCode }) {
  return isComposing || keyCode === HANDLED_BY_INPUT_METHOD;
}

/**
 * Return true if the key submits a single-line field: Enter without Shift, unless it ends a composition.
 * @param {Key} event
 */
export function isSubmitEnter(event) {
  return event.key === "Enter" && !event.shiftKey && !isComposing(event);
}

/**
 * Return true if the key submits a multi-line field: Ctrl+Enter and Cmd+Enter always, Enter alone if it starts no new
 * line.
 * @param {KeyWithModifiers} event
 * @param {boolean} [startsLine] true if Enter alone starts a new line
 */
export function isSendKey(event, startsLine = isTouchDevice()) {
  return isSubmitEnter(event) && (event.ctrlKey || event.metaKey || (!startsLine && !event.altKey));
}

/** Return true if Enter should start a new line: the keyboard on a touch device's screen has no Shift+Enter. */
export function isTouchDevice() {
  return matchMedia(TOUCH).matches;
}

/**
 * Call back when the device becomes or stops being a touch device, for example when a tablet gets a trackpad.
 * @param {() => void} changed
 * @param {AbortSignal} signal
 */
export function watchTouch(changed, signal) {
  matchMedia(TOUCH).addEventListener("change", changed, { signal });
}
