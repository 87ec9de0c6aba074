/** View of a model's thinking: a closed fold, with its duration in the title. */

import { element } from "./inline-view.js";

/** Shortest duration that is shown, in milliseconds. Stored text is added at once and has no measured duration. */
const SHORTEST_MS = 500;

export class ThinkingView {
  element = document.createElement("details");
  #summary = element("summary", "", "Thinking…");

  /** @param {Element} parent */
  constructor(parent) {
    this.element.className = "thinking";
    this.element.setAttribute("data-state", "busy");
    this.element.append(this.#summary);
    parent.append(this.element);
  }

  /** @param {number} ms duration */
  end(ms) {
    this.#summary.textContent = ms < SHORTEST_MS ? "Thought" : `Thought for ${words(ms)}`;
    this.element.setAttribute("data-state", "done");
    if (this.element.lastElementChild?.textContent?.trim() === "") this.element.remove();
  }
}

/** @param {number} ms */
function words(ms) {
  const seconds = Math.max(1, Math.round(ms / 1000));
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}
