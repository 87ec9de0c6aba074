/** Where the next message is written, sent, and the present answer is stopped. */

import { isTooLongForField } from "../composer/held-texts.js";
import { joinMessage, splitMessage } from "../conversations/message-files.js";
import { isSubmitEnter } from "./submit-key.js";

/** @typedef {import("../conversations/message-files.js").MessageFile} MessageFile */
/**
 * @typedef {object} ComposerElements
 * @property {HTMLFormElement} form
 * @property {HTMLTextAreaElement} input
 * @property {HTMLButtonElement} button
 * @property {HTMLElement} label the button's words
 * @property {HTMLElement} hint
 * @property {Held} [held]
 */
/**
 * Files and long pastes that are sent below what is written.
 * @typedef {object} Held
 * @property {boolean} isEmpty
 * @property {boolean} isReading whether the text of one isn't known yet
 * @property {MessageFile[]} items
 * @property {(items: MessageFile[]) => void} replace
 * @property {(text: string) => void} addPasted
 */
/**
 * @typedef {object} ComposerDelegate
 * @property {boolean} mayBeAsked whether something can be sent now; else it stays
 * @property {() => void} composerWaits the reader wants to send, which is not possible yet
 * @property {(text: string) => void} composerSent
 * @property {() => void} composerStopped
 */
/** @typedef {"idle" | "running" | "stopping"} ComposerMode */

/** @type {Record<ComposerMode, {label: string, hint: string}>} */
const WORDS = {
  idle: { label: "Send", hint: "Enter sends, Shift + Enter starts a new line" },
  running: { label: "Stop", hint: "Esc stops the answer" },
  stopping: { label: "Stopping…", hint: "Waiting until the model has stopped" },
};

export class ComposerView {
  #elements;
  #observer = new AbortController();
  /** @type {ComposerDelegate | null} */
  #delegate = null;
  /** @type {ComposerMode} */
  #mode = "idle";

  /** @param {ComposerElements} elements */
  constructor(elements) {
    this.#elements = elements;
  }

  /** @param {ComposerDelegate} delegate */
  start(delegate) {
    this.#delegate = delegate;
    const { form, input } = this.#elements;
    const { signal } = this.#observer;
    form.addEventListener("submit", (event) => this.#submitted(event, delegate), { signal });
    input.addEventListener("keydown", (event) => this.#keyPressed(event, delegate), { signal });
    input.addEventListener("input", () => this.#changed(), { signal });
    this.show("idle");
  }

  stop() {
    this.#observer.abort();
  }

  /** @param {ComposerMode} mode */
  show(mode) {
    const { form, label, hint } = this.#elements;
    this.#mode = mode;
    form.dataset.mode = mode;
    label.textContent = WORDS[mode].label;
    hint.textContent = WORDS[mode].hint;
    this.#changed();
  }

  /** Sends what has been written, as Enter does. */
  submit() {
    if (this.#delegate && this.#mode === "idle") this.#send(this.#delegate);
  }

  /** Whether nothing has been written. */
  get isEmpty() {
    const { input, held } = this.#elements;
    return input.value.trim() === "" && (held?.isEmpty ?? true);
  }

  /** Whether there is something to send, and all of it has been read. */
  get #isReady() {
    return !this.isEmpty && !this.#elements.held?.isReading;
  }

  /** Makes it ready to type in. Where that would bring up a keyboard on the screen, the reader has to ask for it. */
  focus() {
    if (!matchMedia("(pointer: coarse)").matches) this.#elements.input.focus();
  }

  /**
   * Whoever watches the input hears of it, as of what is typed.
   * @param {string} text
   */
  write(text) {
    const { input, held } = this.#elements;
    const { words, files } = splitMessage(text);
    const isHeld = held !== undefined && isTooLongForField(words);
    held?.replace(files);
    if (isHeld) held.addPasted(words);
    input.value = isHeld ? "" : words;
    input.dispatchEvent(new Event("input", { bubbles: true }));
  }

  /**
   * @param {SubmitEvent} event
   * @param {ComposerDelegate} delegate
   */
  #submitted(event, delegate) {
    event.preventDefault();
    if (this.#mode === "idle") this.#send(delegate);
    else delegate.composerStopped();
  }

  /**
   * Enter sends, but not the Enter that ends an input method's composition.
   * @param {KeyboardEvent} event
   * @param {ComposerDelegate} delegate
   */
  #keyPressed(event, delegate) {
    if (!isSubmitEnter(event)) return;
    event.preventDefault();
    if (this.#mode === "idle") this.#send(delegate);
  }

  /** @param {ComposerDelegate} delegate */
  #send(delegate) {
    if (!this.#isReady) return;
    if (!delegate.mayBeAsked) return delegate.composerWaits();
    const { input, held } = this.#elements;
    const text = joinMessage(withoutBlankEdges(input.value), held?.items ?? []);
    this.write("");
    delegate.composerSent(text);
  }

  #changed() {
    const { input, button } = this.#elements;
    button.disabled = this.#mode === "stopping" || (this.#mode === "idle" && !this.#isReady);
    if (CSS.supports("field-sizing", "content")) return;
    input.style.height = "auto";
    input.style.height = `${input.scrollHeight}px`;
  }
}

/**
 * The text without blank lines around it. The first line keeps its indentation, which matters in code.
 * @param {string} text
 */
function withoutBlankEdges(text) {
  return text.replace(/^\s*\n/, "").trimEnd();
}
