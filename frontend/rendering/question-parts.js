/** Parts of a question other than its text: a chip for each file, and a button that shows the rest of a long text. */

import { countLines } from "../conversations/message-files.js";
import { find, textButton } from "../ui/elements.js";
import { focusedIn } from "../ui/focus.js";
import { createFileChip } from "./file-chip.js";

/** @typedef {import("../conversations/message-files.js").MessageFile} MessageFile */

/**
 * Limits above which a text is folded: number of lines, and length in UTF-16 units. The styles set the visible height.
 */
const LONG_LINES = 30;
const LONG_LENGTH = 2500;

export class QuestionParts {
  #files;
  #text;
  #openFile;
  /** @type {HTMLButtonElement | null} created for a long text alone, since most questions are short */
  #foldButton = null;
  #isFolded = false;
  #shownText = "";
  /** @type {MessageFile[]} */
  #shownFiles = [];

  /**
   * @param {HTMLElement} body element of the question
   * @param {(file: MessageFile) => void} openFile
   */
  constructor(body, openFile) {
    this.#files = find(body, ".question-files");
    this.#text = find(body, ".message-text");
    this.#openFile = openFile;
  }

  /**
   * @param {string} text
   * @param {MessageFile[]} files
   */
  show(text, files) {
    if (!areSame(files, this.#shownFiles)) this.#showFiles(files);
    if (text === this.#shownText) return;
    this.#shownText = text;
    const isLong = isLongToRead(text);
    if (!isLong && !this.#foldButton) return;
    this.#foldButton ??= textButton("", "fold-button", () => this.#fold(!this.#isFolded));
    if (isLong) this.#text.after(this.#foldButton);
    else this.#foldButton.remove();
    this.#fold(isLong);
  }

  /** Show the whole text. */
  unfold() {
    if (this.#isFolded) this.#fold(false);
  }

  /** @param {MessageFile[]} files */
  #showFiles(files) {
    this.#shownFiles = files;
    this.#files.hidden = files.length === 0;
    this.#files.replaceChildren(...files.map((file) => createFileChip(file, () => this.#openFile(file))));
  }

  /** @param {boolean} isFolded */
  #fold(isFolded) {
    if (!this.#foldButton) return;
    this.#isFolded = isFolded;
    this.#text.classList.toggle("is-folded", isFolded);
    this.#foldButton.textContent = isFolded ? "Show more" : "Show less";
    this.#foldButton.setAttribute("aria-expanded", String(!isFolded));
    if (isFolded && focusedIn(this.#foldButton) === this.#foldButton) this.#foldButton.scrollIntoView({ block: "nearest" });
  }
}

/**
 * @param {MessageFile[]} files
 * @param {MessageFile[]} others
 */
function areSame(files, others) {
  return files.length === others.length && files.every(({ name, text }, at) => name === others[at]?.name && text === others[at]?.text);
}

/** @param {string} text */
export function isLongToRead(text) {
  return text.length > LONG_LENGTH || countLines(text) > LONG_LINES;
}
