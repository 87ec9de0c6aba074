/**
 * The dialog that shows a file of a message. A megabyte of text stays smooth: the browser lays out only the blocks that
 * are in view.
 */

import { countLines } from "../conversations/message-files.js";
import { iconButton, textButton } from "./elements.js";
import { describeFile } from "./file-chip.js";
import { wholeCharacters } from "./markdown/paragraph-view.js";

/** @typedef {import("../conversations/message-files.js").MessageFile} MessageFile */

/** A block ends at the first line end after so many UTF-16 units. */
const BLOCK_LENGTH = 4000;
/** A longer line is cut into several blocks: the browser can skip blocks, but no part of a line. UTF-16 units. */
const LINE_LENGTH = 16_000;
/** Where a long line is wrapped in a dialog of full width, roughly. UTF-16 units. */
const WRAPPED_LENGTH = 115;
/** For how long the button says that the text was copied, in milliseconds. */
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
   * Escape closes the dialog, and doesn't stop the answer that is being written.
   * @param {KeyboardEvent} event
   */
  #keyPressed(event) {
    if (event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    this.#close();
  }

  /** The browser gives the focus back by itself, at once. */
  #close() {
    this.#dialog.close();
  }

  /** The browser reports a close later, when the person may be somewhere else already. */
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
 * @param {string} text
 * @returns {string[]} pieces that end at line ends, where lines aren't extremely long
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
 * The height of a block before the browser has laid it out, so that the scrollbar shows nearly the right place.
 * @param {string} text
 */
function guessedLines(text) {
  return Math.max(countLines(text), Math.ceil(text.length / WRAPPED_LENGTH));
}
