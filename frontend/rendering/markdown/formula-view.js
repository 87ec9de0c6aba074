/** View of a formula in a fence, as in "```math". The source is shown until the fence is closed. */

import { element } from "./inline-view.js";
import { LONGEST_MATH } from "./math-scanner.js";

/** @typedef {import("./block-parser.js").CodeView} Port */
/** @typedef {import("./inline-view.js").Answer} Answer */

/** @implements {Port} */
export class FormulaView {
  #formula = element("span", "math math-source math-display", "");
  #answer;
  #tex = "";
  #pending = "";

  /**
   * @param {Element} parent
   * @param {Answer} answer
   */
  constructor(parent, answer) {
    this.#answer = answer;
    const paragraph = document.createElement("p");
    paragraph.append(this.#formula);
    parent.append(paragraph);
  }

  /** @param {string} text */
  append(text) {
    this.#pending += text;
  }

  show() {
    if (this.#pending === "") return;
    this.#tex += this.#pending;
    this.#formula.append(this.#pending);
    this.#pending = "";
  }

  close() {
    this.show();
    this.#formula.replaceChildren(this.#tex);
    if (this.#tex.trim() !== "" && this.#tex.length <= LONGEST_MATH) this.#answer.math.render(this.#formula, this.#tex, true);
  }
}
