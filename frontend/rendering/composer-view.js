/** Composer: the field for the next message, and the buttons that send or queue it and stop the current answer. */

import { isTooLongForField } from "../composer/held-texts.js";
import { joinMessage, splitMessage } from "../conversations/message-files.js";
import { focusedIn } from "../ui/focus.js";
import { isSendKey, isTouchDevice, watchTouch } from "../ui/submit-key.js";

/** @typedef {import("../conversations/message-files.js").MessageFile} MessageFile */
/**
 * @typedef {object} ComposerElements
 * @property {HTMLFormElement} form
 * @property {HTMLTextAreaElement} input
 * @property {HTMLButtonElement} button sends the message, or queues it while an answer is running
 * @property {HTMLElement} label the text of `button`
 * @property {HTMLButtonElement} steerButton gives the text to the running answer as an instruction
 * @property {HTMLButtonElement} stopButton
 * @property {HTMLElement} stopLabel
 * @property {HTMLElement} hint
 * @property {Held} [held]
 */
/**
 * Files and long pastes that are sent below the typed text.
 * @typedef {object} Held
 * @property {boolean} isEmpty
 * @property {boolean} isReading true while a file is still being read
 * @property {MessageFile[]} items
 * @property {(item: MessageFile) => void} add
 * @property {(items: MessageFile[]) => void} replace
 * @property {(text: string) => void} addPasted
 */
/** @typedef {{composerSent: (text: string) => void, composerSteered: (text: string) => void, composerStopped: () => void}} ComposerDelegate */
/** @typedef {"idle" | "running" | "stopping"} ComposerMode */

/** @type {Record<ComposerMode, {label: string, stop: string, hint: string}>} */
const WORDS = {
  idle: { label: "Send", stop: "Stop", hint: "Enter to send, Shift+Enter for a new line" },
  running: { label: "Queue", stop: "Stop", hint: "Esc to stop, Enter to queue" },
  stopping: { label: "Queue", stop: "Stopping…", hint: "" },
};
/** Hints while an answer is running, if no message can be queued. */
const HINT_WITHOUT_QUEUE = "Esc to stop";
const HINT_STEER = "Esc to stop, Enter to steer";
const MOD = /Mac|iPhone|iPad/.test(globalThis.navigator?.platform ?? "") ? "Cmd" : "Ctrl";

export class ComposerView {
  #elements;
  #queues;
  #observer = new AbortController();
  /** @type {ComposerDelegate | null} */
  #delegate = null;
  /** @type {ComposerMode} */
  #mode = "idle";
  #steers = false;

  /**
   * @param {ComposerElements} elements
   * @param {{queues?: boolean}} [options] queues: whether a message can be sent while an answer is running
   */
  constructor(elements, { queues = true } = {}) {
    this.#elements = elements;
    this.#queues = queues;
  }

  /** @param {ComposerDelegate} delegate */
  start(delegate) {
    this.#delegate = delegate;
    const { form, input, stopButton } = this.#elements;
    const { signal } = this.#observer;
    form.addEventListener("submit", (event) => this.#submitted(event), { signal });
    this.#elements.steerButton.addEventListener("click", () => this.#steer(), { signal });
    stopButton.addEventListener("click", () => delegate.composerStopped(), { signal });
    input.addEventListener("keydown", (event) => this.#keyPressed(event), { signal });
    input.addEventListener("input", () => this.#changed(), { signal });
    watchTouch(() => this.#showWords(), signal);
    this.show("idle");
  }

  stop() {
    this.#observer.abort();
  }

  /**
   * @param {ComposerMode} mode
   * @param {boolean} [steers] whether the running answer can be steered
   */
  show(mode, steers = false) {
    this.#mode = mode;
    this.#steers = steers && mode === "running";
    this.#elements.form.dataset.mode = mode;
    this.#showWords();
    this.#changed();
  }

  /** True if there is no text and no file. */
  get isEmpty() {
    const { input, held } = this.#elements;
    return input.value.trim() === "" && (held?.isEmpty ?? true);
  }

  /** The message as it would be sent; empty while a file is being read. */
  get text() {
    const { input, held } = this.#elements;
    return held?.isReading ? "" : joinMessage(withoutBlankEdges(input.value), held?.items ?? []);
  }

  /** True if there is something to send, every file has been read, and no answer is in the way. */
  get #isReady() {
    return this.#isComplete && this.#mayBeSent;
  }

  /** True if there is something to send, and every file has been read. */
  get #isComplete() {
    return !this.isEmpty && !this.#elements.held?.isReading;
  }

  get #mayBeSent() {
    return this.#queues || this.#mode === "idle";
  }

  /** Focus the input, except on touch devices: there the focus would open the on-screen keyboard. */
  focus() {
    if (!matchMedia("(pointer: coarse)").matches) this.#elements.input.focus();
  }

  /**
   * Replace the text and the files.
   * @param {string} text
   */
  write(text) {
    const { words, files } = splitMessage(text);
    this.#elements.held?.replace(files);
    this.#set(words, "");
  }

  /**
   * Insert a text before the current text.
   * @param {string} text
   */
  prepend(text) {
    const { words, files } = splitMessage(text);
    for (const file of files) this.#elements.held?.add(file);
    this.#set(words, this.#elements.input.value);
  }

  /**
   * Set the input's text, and dispatch an `input` event as typing would.
   * @param {string} words typed text; kept beside the input if it is too long for the field
   * @param {string} rest current text, appended to `words`
   */
  #set(words, rest) {
    const { input, held } = this.#elements;
    const isHeld = held !== undefined && isTooLongForField(words);
    if (isHeld) held.addPasted(words);
    input.value = [isHeld ? "" : words, rest].filter((part) => part.trim() !== "").join("\n\n");
    input.dispatchEvent(new Event("input", { bubbles: true }));
  }

  /** @param {SubmitEvent} event */
  #submitted(event) {
    event.preventDefault();
    this.#send();
  }

  /** @param {KeyboardEvent} event */
  #keyPressed(event) {
    if (!isSendKey(event)) return;
    event.preventDefault();
    if (this.#steers && (event.ctrlKey || event.metaKey || !this.#queues)) this.#steer();
    else this.#send();
  }

  #steer() {
    if (!this.#steers || !this.#isComplete) return;
    const text = this.#take();
    this.#delegate?.composerSteered(text);
    this.focus();
  }

  #send() {
    if (!this.#isReady) return;
    this.#delegate?.composerSent(this.#take());
  }

  /** @returns {string} the text and the files, which are removed */
  #take() {
    const { text } = this;
    this.write("");
    return text;
  }

  /** Show the labels of the mode. The hint about keys is hidden on devices without a keyboard. */
  #showWords() {
    const { input, label, stopLabel, hint } = this.#elements;
    const words = WORDS[this.#mode];
    const isTouch = isTouchDevice();
    label.textContent = words.label;
    stopLabel.textContent = words.stop;
    hint.textContent = isTouch ? "" : this.#hint(words.hint);
    input.enterKeyHint = isTouch ? "enter" : "send";
  }

  /** @param {string} usual the mode's hint */
  #hint(usual) {
    if (!this.#mayBeSent) return this.#steers ? HINT_STEER : HINT_WITHOUT_QUEUE;
    return this.#steers ? `${MOD}+Enter to steer, Esc to stop` : usual;
  }

  #changed() {
    const { input, button, steerButton, stopButton } = this.#elements;
    const isStopFocused = focusedIn(stopButton) === stopButton;
    button.disabled = !this.#isReady;
    button.hidden = this.#mode !== "idle" && (this.isEmpty || !this.#queues);
    const isSteerFocused = focusedIn(steerButton) === steerButton;
    steerButton.hidden = !this.#steers || this.isEmpty;
    steerButton.disabled = !this.#isComplete;
    if (isSteerFocused && steerButton.hidden) this.focus();
    stopButton.hidden = this.#mode === "idle";
    stopButton.disabled = this.#mode === "stopping";
    if (isStopFocused && this.#mode !== "running") this.focus();
    if (CSS.supports("field-sizing", "content")) return;
    input.style.height = "auto";
    input.style.height = `${input.scrollHeight}px`;
  }
}

/**
 * Remove blank lines at both ends. The first line keeps its indentation, which matters in code.
 * @param {string} text
 */
function withoutBlankEdges(text) {
  return text.replace(/^\s*\n/, "").trimEnd();
}
