/** Editing of one message in its place: the editor, and what becomes of its text. */

import { splitAnswer } from "./markdown/answer-start.js";
import { MessageEditor } from "./message-editor.js";

/** @typedef {import("../chat/presenting.js").Shown} Shown */
/** @typedef {import("../conversations/message-files.js").MessageFile} MessageFile */
/** @typedef {import("./message-view.js").MessageDelegate} MessageDelegate */
/**
 * @typedef {object} AnswerEdit
 * @property {string} text whole new text of an answer, with its thinking
 * @property {string} was text when the editor was opened
 * @property {boolean} isContinued whether the model writes on
 */

export class MessageEditing {
  #element;
  #body;
  #delegate;
  #openFile;
  /** @type {MessageEditor | null} */
  #editor = null;

  /**
   * @param {HTMLElement} element of the message
   * @param {HTMLElement} body
   * @param {MessageDelegate} delegate
   * @param {(file: MessageFile) => void} openFile
   */
  constructor(element, body, delegate, openFile) {
    this.#element = element;
    this.#body = body;
    this.#delegate = delegate;
    this.#openFile = openFile;
  }

  get isOpen() {
    return this.#editor !== null;
  }

  /**
   * Open the editor, or give it the focus. The thinking of an answer is not edited and stays.
   * @param {Shown} shown
   * @param {string} text of the message
   */
  open({ id, role, files, mayContinue = true }, text) {
    if (this.#editor) return this.#editor.focus();
    const isAnswer = role === "assistant";
    const { thinking, answer } = isAnswer ? splitAnswer(text) : { thinking: "", answer: text };
    const editor = new MessageEditor(
      { words: answer, files: files ?? [] },
      {
        editorSent: (edited, command) => {
          if (isAnswer) return void this.#save(editor, id, { text: thinking + edited, was: text, isContinued: command === "continue" });
          this.#close();
          this.#delegate.messageEdited(id, edited);
        },
        editorClosed: () => this.#close(),
        editorOpenedFile: this.#openFile,
      },
      isAnswer ? { mayContinue } : null,
    );
    this.#editor = editor;
    this.#element.dataset.editing = role;
    this.#body.append(editor.element);
    editor.focus();
  }

  /**
   * Save an answer. Its editor stays open if that fails.
   * @param {MessageEditor} editor
   * @param {string} id
   * @param {AnswerEdit} edit
   */
  async #save(editor, id, edit) {
    editor.showSaving(true);
    const isSaved = await this.#delegate.answerEdited?.(id, edit);
    if (this.#editor !== editor) return;
    editor.showSaving(false);
    if (isSaved) this.#close();
    else editor.focus();
  }

  #close() {
    this.#editor?.element.remove();
    this.#editor = null;
    delete this.#element.dataset.editing;
    this.#body.focus();
  }
}
