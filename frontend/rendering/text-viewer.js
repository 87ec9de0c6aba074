/**
 * Dialog that shows a file of a message. The browser lays out only the blocks in view, so that a text of a megabyte
 * scrolls smoothly.
 */

import { countLines } from "../conversations/message-files.js";
import { iconButton, textButton } from "../ui/elements.js";
import { describeFile } from "./file-chip.js";
import { wholeCharacters } from "./markdown/paragraph-view.js";

/** @typedef {import("../conversations/message-files.js").MessageFile} MessageFile */

/** Length after which a block ends at the next line end, in UTF-16 units. */
const BLOCK_LENGTH = 4000;
/** Longest part of a line in one block, in UTF-16 units. The browser can skip blocks but not parts of a line. */
const LINE_LENGTH = 16_000;
/** Approximate length at which a line wraps in a dialog of full width, in UTF-16 units. */
const WRAPPED_LENGTH = 115;
/** Time for which the button shows that the text was copied, in milliseconds. */
const COPIED_MS = 1600;

export class TextViewer {
  #copy;
  #dialog = document.createElement("dialog");
  #title = document.createElement("h2");
  #about = document.createElement("p");
  #text = document.createElement("div");
  #copyButton;
  /** @type {MessageFile} */
  #file = { name: "", text: "" };

  /** @param {(text: string) => Promise<boolean>} copy */
  constructor(copy) {
    this.#copy = copy;
    this.#copyButton = textButton("Copy", "offer viewer-copy", () => void this.#copyAll());
    this.#build();
    this.#dialog.addEventListener("keydown", (event) => this.#keyPressed(event));
    this.#dialog.addEventListener("click", (event) => event.target === this.#dialog && this.#close());
    this.#dialog.addEventListener("close", () => this.#closed());
  }

  start() {
    document.body.append(this.#dialog);
  }

  stop() {
    this.#dialog.close();
    this.#dialog.remove();
  }

  /** @param {MessageFile} file */
  open(file) {
    this.#file = file;
    this.#title.textContent = file.name;
    this.#about.textContent = describeFile(file.text);
    this.#text.setAttribute("aria-label", file.name);
    this.#text.replaceChildren(...textBlocks(file.text).map(blockElement));
    this.#dialog.showModal();
    this.#text.scrollTop = 0;
    this.#text.focus();
  }

  #build() {
    const names = document.createElement("div");
    names.className = "viewer-names";
    this.#title.id = "viewer-title";
    this.#title.dir = "auto";
    names.append(this.#title, this.#about);
    const head = document.createElement("div");
    head.className = "viewer-head";
    head.append(names, this.#copyButton, iconButton("close", "Close", () => this.#close()));
    this.#text.className = "viewer-text";
    this.#text.tabIndex = 0;
    this.#text.role = "region";
    const body = document.createElement("div");
    body.className = "viewer-body";
    body.append(head, this.#text);
    this.#dialog.className = "viewer";
    this.#dialog.setAttribute("aria-labelledby", "viewer-title");
    this.#dialog.append(body);
  }

  /**
   * Close the dialog on Escape, without stopping the answer that is being written.
   * @param {KeyboardEvent} event
   */
  #keyPressed(event) {
    if (event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    this.#close();
  }

  /** Close the dialog; the browser restores the focus at once. */
  #close() {
    this.#dialog.close();
  }

  /** Clean up after a close. The event comes late: the user may have opened the dialog again. */
  #closed() {
    if (this.#dialog.open) return;
    this.#text.replaceChildren();
    this.#file = { name: "", text: "" };
  }

  async #copyAll() {
    const isCopied = await this.#copy(this.#file.text);
    this.#copyButton.textContent = isCopied ? "Copied" : "Couldn't copy";
    setTimeout(() => (this.#copyButton.textContent = "Copy"), COPIED_MS);
  }
}

/**
 * Split a text at line ends; only very long lines are cut.
 * @param {string} text
 * @returns {string[]}
 */
export function textBlocks(text) {
  const blocks = [];
  for (let begin = 0, end; begin < text.length; begin = end) {
    const lineEnd = text.indexOf("\n", Math.min(begin + BLOCK_LENGTH, text.length - 1));
    end = lineEnd === -1 ? text.length : lineEnd + 1;
    if (end - begin > LINE_LENGTH) end = begin + wholeCharacters(text.slice(begin, begin + LINE_LENGTH), LINE_LENGTH);
    blocks.push(text.slice(begin, end));
  }
  return blocks;
}

/** @param {string} text */
function blockElement(text) {
  const element = document.createElement("div");
  element.className = "viewer-block";
  element.dir = "auto";
  element.textContent = text;
  element.style.setProperty("contain-intrinsic-block-size", `auto ${guessedLines(text)}lh`);
  return element;
}

/**
 * Estimate a block's number of lines before its layout, so that the scrollbar is nearly right.
 * @param {string} text
 */
function guessedLines(text) {
  return Math.max(countLines(text), Math.ceil(text.length / WRAPPED_LENGTH));
}
