/** View of the calls in an answer: a closed fold for each, with the function's name and its arguments. */

import { create } from "../ui/elements.js";

/** @typedef {import("../protocol/messages.js").ToolCall} ToolCall */
/** @typedef {{element: HTMLDetailsElement, title: HTMLElement, text: HTMLElement}} Fold */

export class ToolCallsView {
  element = create("div", { class: "tool-calls" });
  /** @type {Fold[]} */
  #folds = [];
  #shown = "";

  /**
   * @param {ToolCall[]} calls
   * @param {boolean} isGrowing whether the last call may still be incomplete
   */
  show(calls, isGrowing) {
    const wanted = JSON.stringify([calls, isGrowing]);
    if (wanted === this.#shown) return;
    this.#shown = wanted;
    for (const fold of this.#folds.splice(calls.length)) fold.element.remove();
    for (const [index, { function: { name, arguments: text } }] of calls.entries()) {
      const fold = (this.#folds[index] ??= this.#add());
      const isBusy = isGrowing && index === calls.length - 1;
      fold.title.textContent = isBusy ? `Calling ${name}…` : `Called ${name}`;
      fold.element.dataset.state = isBusy ? "busy" : "done";
      fold.text.textContent = isBusy ? text : indented(text);
    }
  }

  /** @returns {Fold} */
  #add() {
    const fold = createFold();
    this.element.append(fold.element);
    return fold;
  }
}

/** @returns {Fold} a closed fold for text that people rarely read */
export function createFold() {
  const [title, text] = [create("summary", {}), create("code", { dir: "ltr" })];
  const element = create("details", { class: "tool-fold" }, title, create("pre", { tabindex: "0" }, text));
  return { element, title, text };
}

/**
 * Return JSON text with a line for each value; any other text unchanged.
 * @param {string} text
 */
export function indented(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
