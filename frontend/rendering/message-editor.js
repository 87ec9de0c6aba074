/** Where a message that was sent is written anew, in its own place. */

import { textButton } from "./elements.js";
import { isComposing, isSubmitEnter } from "./submit-key.js";

/** @typedef {{editorSent: (text: string) => void, editorClosed: () => void}} MessageEditorDelegate */

export class MessageEditor {
  #delegate;
  #input = document.createElement("textarea");
  element = document.createElement("form");

  /**
   * @param {string} text
   * @param {MessageEditorDelegate} delegate
   */
  constructor(text, delegate) {
    this.#delegate = delegate;
    this.#input.value = text;
    this.#input.className = "editor-input";
    this.#input.ariaLabel = "Edit the message";
    this.#input.dir = "auto";
    this.#input.rows = Math.min(12, text.split("\n").length + 1);
    this.#input.addEventListener("keydown", (event) => this.#keyPressed(event));
    this.element.className = "editor";
    this.element.append(this.#input, this.#buttons());
    this.element.addEventListener("submit", (event) => this.#submitted(event));
  }

  focus() {
    this.#input.focus();
    this.#input.setSelectionRange(this.#input.value.length, this.#input.value.length);
  }

  #buttons() {
    const row = document.createElement("div");
    row.className = "editor-buttons";
    const send = textButton("Send", "offer offer-first", () => {});
    send.type = "submit";
    row.append(textButton("Cancel", "offer", () => this.#delegate.editorClosed()), send);
    return row;
  }

  /** @param {SubmitEvent} event */
  #submitted(event) {
    event.preventDefault();
    const text = this.#input.value.trim();
    if (text !== "") this.#delegate.editorSent(text);
  }

  /** @param {KeyboardEvent} event */
  #keyPressed(event) {
    if (isComposing(event)) return;
    if (event.key === "Escape") {
      event.preventDefault();
      this.#delegate.editorClosed();
    } else if (isSubmitEnter(event)) {
      event.preventDefault();
      this.element.requestSubmit();
    }
  }
}
