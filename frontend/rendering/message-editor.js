/** Editor for a sent message, in the message's place. Its files can be removed. */

import { joinMessage } from "../conversations/message-files.js";
import { textButton } from "../ui/elements.js";
import { createFileChip } from "./file-chip.js";
import { isComposing, isSendKey } from "../ui/submit-key.js";

/** @typedef {import("../conversations/message-files.js").MessageFile} MessageFile */
/** @typedef {import("../conversations/message-files.js").MessageParts} MessageParts */
/**
 * @typedef {object} MessageEditorDelegate
 * @property {(text: string) => void} editorSent
 * @property {() => void} editorClosed
 * @property {(file: MessageFile) => void} editorOpenedFile
 */

export class MessageEditor {
  #delegate;
  #input = document.createElement("textarea");
  #list = document.createElement("ul");
  #files;
  element = document.createElement("form");

  /**
   * @param {MessageParts} parts text and files of the message
   * @param {MessageEditorDelegate} delegate
   */
  constructor({ words, files }, delegate) {
    this.#delegate = delegate;
    this.#files = files;
    this.#list.className = "file-list";
    this.#list.ariaLabel = "Attached files";
    this.#showFiles();
    this.#input.value = words;
    this.#input.className = "editor-input";
    this.#input.ariaLabel = "Edit message";
    this.#input.dir = "auto";
    this.#input.rows = Math.min(12, words.split("\n").length + 1);
    this.#input.addEventListener("keydown", (event) => this.#keyPressed(event));
    this.element.className = "editor";
    this.element.append(this.#list, this.#input, this.#buttons());
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

  #showFiles() {
    this.#list.hidden = this.#files.length === 0;
    this.#list.replaceChildren(...this.#files.map((file) => this.#chip(file)));
  }

  /** @param {MessageFile} file */
  #chip(file) {
    const remove = () => {
      this.#files = this.#files.filter((other) => other !== file);
      this.#showFiles();
      this.#input.focus();
    };
    return createFileChip(file, () => this.#delegate.editorOpenedFile(file), remove);
  }

  /** @param {SubmitEvent} event */
  #submitted(event) {
    event.preventDefault();
    const text = joinMessage(this.#input.value.trim(), this.#files);
    if (text !== "") this.#delegate.editorSent(text);
  }

  /** @param {KeyboardEvent} event */
  #keyPressed(event) {
    if (isComposing(event)) return;
    if (event.key === "Escape") {
      event.preventDefault();
      this.#delegate.editorClosed();
    } else if (isSendKey(event)) {
      event.preventDefault();
      this.element.requestSubmit();
    }
  }
}
