/**
 * Editor for a message, in the message's place. A question is sent again, and its files can be removed; the text of an
 * answer is saved.
 */

import { joinMessage } from "../conversations/message-files.js";
import { textButton } from "../ui/elements.js";
import { createFileChip } from "./file-chip.js";
import { isComposing, isSendKey } from "../ui/submit-key.js";

/** @typedef {import("../conversations/message-files.js").MessageFile} MessageFile */
/** @typedef {import("../conversations/message-files.js").MessageParts} MessageParts */
/** @typedef {"send" | "save" | "continue"} EditorCommand send: a question; the others: an answer, which may be continued */
/**
 * @typedef {object} MessageEditorDelegate
 * @property {(text: string, command: EditorCommand) => void} editorSent
 * @property {() => void} editorClosed
 * @property {(file: MessageFile) => void} editorOpenedFile
 */

export class MessageEditor {
  #delegate;
  #input = document.createElement("textarea");
  #list = document.createElement("ul");
  #files;
  #isAnswer;
  /** @type {HTMLButtonElement[]} */
  #submits = [];
  element = document.createElement("form");

  /**
   * @param {MessageParts} parts text and files of the message
   * @param {MessageEditorDelegate} delegate
   * @param {{mayContinue: boolean} | null} [answer] null for a question
   */
  constructor({ words, files }, delegate, answer = null) {
    this.#delegate = delegate;
    this.#isAnswer = answer !== null;
    this.#files = files;
    this.#list.className = "file-list";
    this.#list.ariaLabel = "Attached files";
    this.#showFiles();
    this.#input.value = words;
    this.#input.className = "editor-input";
    this.#input.ariaLabel = answer ? "Edit answer" : "Edit message";
    this.#input.dir = "auto";
    this.#input.rows = Math.min(12, words.split("\n").length + 1);
    this.#input.addEventListener("input", () => this.#showSubmits());
    this.#input.addEventListener("keydown", (event) => this.#keyPressed(event));
    this.element.className = "editor";
    this.element.append(this.#list, this.#input, this.#buttons(answer?.mayContinue ?? false));
    this.#showSubmits();
    this.element.addEventListener("submit", (event) => this.#submitted(event));
  }

  /** Prevent a second command while the first one is being carried out. @param {boolean} isSaving */
  showSaving(isSaving) {
    this.#input.readOnly = isSaving;
    this.element.ariaBusy = String(isSaving);
    this.#showSubmits();
  }

  focus() {
    this.#input.focus();
    this.#input.setSelectionRange(this.#input.value.length, this.#input.value.length);
  }

  /** @param {boolean} mayContinue */
  #buttons(mayContinue) {
    const row = document.createElement("div");
    row.className = "editor-buttons";
    const submit = textButton(this.#isAnswer ? "Save" : "Send", "offer offer-first", () => {});
    submit.type = "submit";
    const other = mayContinue ? [textButton("Save and continue", "offer", () => this.#send("continue"))] : [];
    this.#submits = [...other, submit];
    row.append(textButton("Cancel", "offer", () => this.#delegate.editorClosed()), ...this.#submits);
    return row;
  }

  /** An answer can't be saved while it is blank, or while an earlier command is carried out. */
  #showSubmits() {
    if (!this.#isAnswer) return;
    for (const button of this.#submits) button.disabled = this.#input.readOnly || this.#input.value.trim() === "";
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
    this.#send(this.#isAnswer ? "save" : "send");
  }

  /** @param {EditorCommand} command */
  #send(command) {
    const { value, readOnly } = this.#input;
    if (value.trim() === "" && (this.#isAnswer || this.#files.length === 0)) return;
    if (!readOnly) this.#delegate.editorSent(this.#isAnswer ? value : joinMessage(value.trim(), this.#files), command);
  }

  /** @param {KeyboardEvent} event */
  #keyPressed(event) {
    if (isComposing(event)) return;
    if (event.key === "Escape") {
      event.preventDefault();
      this.#delegate.editorClosed();
    } else if (isSendKey(event, this.#isAnswer || undefined)) {
      event.preventDefault();
      this.element.requestSubmit();
    }
  }
}
