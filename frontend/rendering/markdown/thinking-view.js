/** What a model thought before it spoke, folded away under one line that says how long it took. */

import { element } from "./inline-view.js";

/** From when on the time is worth telling, in milliseconds: text that was there before comes at once. */
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

  /** @param {number} ms since it began */
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
