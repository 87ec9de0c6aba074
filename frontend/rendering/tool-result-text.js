/** Result of a call, in a closed fold. Has the methods of GrowingText. Owns the content of its element. */

import { createFold, indented } from "./tool-calls-view.js";

export class ToolResultText {
  #text = "";
  #fold = createFold();

  /**
   * @param {HTMLElement} element
   * @param {string} name of the function; "" if unknown
   */
  constructor(element, name) {
    this.#fold.title.textContent = name === "" ? "Result" : `Result of ${name}`;
    element.replaceChildren(this.#fold.element);
  }

  clear() {
    this.#text = "";
    this.#fold.text.textContent = "";
  }

  /** @param {string} text */
  append(text) {
    this.#text += text;
    this.#fold.text.textContent = this.#text === "" ? "(empty)" : indented(this.#text);
  }

  finish() {
    this.append("");
  }
}
