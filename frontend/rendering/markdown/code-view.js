/**
 * View of a code block, with its language and a copy button. Text is only appended, in chunks that end at line ends, so
 * that the browser lays out only the last chunk, however long the code is.
 */

import { decoded } from "./entities.js";
import { element } from "./inline-view.js";
import { wholeCharacters } from "./paragraph-view.js";

/** @typedef {import("./block-parser.js").CodeView} Port */
/** @typedef {import("./inline-view.js").Answer} Answer */

/** Length from which a chunk ends at the next line end, and the longest chunk; in UTF-16 units. */
const CHUNK = 1500;
const LONGEST_CHUNK = 4000;
const LONGEST_NAME = 30;

/** @implements {Port} */
export class CodeView {
  #code = document.createElement("code");
  #language;
  #answer;
  #pending = "";
  /** @type {Text | null} */
  #chunk = null;

  /**
   * @param {Element} parent
   * @param {string} info text after the opening fence
   * @param {Answer} answer
   */
  constructor(parent, info, answer) {
    this.#answer = answer;
    this.#language = (/^[^\s{,:]+/.exec(decoded(info, (name) => answer.entities.find(name)))?.[0] ?? "").slice(0, LONGEST_NAME);
    const button = element("button", "code-copy", "Copy");
    button.setAttribute("type", "button");
    button.setAttribute("aria-live", "polite"); // Screen readers announce "Copied" when the button's text changes.
    const bar = element("div", "code-bar", "");
    bar.setAttribute("dir", "ltr");
    bar.append(element("span", "code-language", this.#language || "text"), button);
    const pre = document.createElement("pre");
    pre.setAttribute("tabindex", "0");
    pre.setAttribute("dir", "ltr");
    pre.append(this.#code);
    const box = element("div", "code-box", "");
    box.append(bar, pre);
    parent.append(box);
  }

  /** @param {string} text */
  append(text) {
    this.#pending += text;
  }

  show() {
    let rest = this.#pending;
    this.#pending = "";
    while (rest !== "") {
      const length = this.#lengthForChunk(rest);
      this.#write(rest.slice(0, length));
      rest = rest.slice(length);
      if (rest !== "") this.#chunk = null;
    }
  }

  close() {
    this.show();
    if (this.#language !== "") this.#answer.highlighting.paint(this.#code, this.#language.toLowerCase());
  }

  /**
   * Return the length of the text's first part that belongs to the current chunk.
   * @param {string} text
   * @returns {number}
   */
  #lengthForChunk(text) {
    const length = this.#chunk?.length ?? 0;
    if (length >= CHUNK && this.#chunk?.data.endsWith("\n")) {
      this.#chunk = null;
      return this.#lengthForChunk(text);
    }
    const most = LONGEST_CHUNK - length;
    const lineEnd = text.indexOf("\n", Math.max(0, CHUNK - 1 - length));
    if (lineEnd !== -1 && lineEnd < most) return lineEnd + 1;
    return text.length <= most ? text.length : Math.max(1, wholeCharacters(text, most));
  }

  /** @param {string} text */
  #write(text) {
    if (this.#chunk) return this.#chunk.appendData(text);
    this.#chunk = document.createTextNode(text);
    const chunk = element("span", "code-chunk", "");
    chunk.append(this.#chunk);
    this.#code.lastElementChild?.classList.add("is-full");
    this.#code.append(chunk);
  }
}
