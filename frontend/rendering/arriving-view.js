/** Line above the composer while the server downloads a model that will answer, or if it could not. */

import { sizeWords } from "../panels/model-words.js";
import { displayName } from "./model-name.js";

/** @typedef {import("../protocol/messages.js").ModelEntry} ModelEntry */
/**
 * @typedef {object} ArrivingElements
 * @property {HTMLElement} line
 * @property {HTMLElement} words
 * @property {HTMLProgressElement} bar
 */

export class ArrivingView {
  #elements;

  /** @param {ArrivingElements} elements */
  constructor(elements) {
    this.#elements = elements;
  }

  /** Show the first model that is being downloaded, if there is one. @param {ModelEntry[]} models */
  show(models) {
    const { line, words, bar } = this.#elements;
    const model = models.find(({ state }) => state === "downloading");
    line.hidden = model === undefined;
    if (!model) return;
    const { name, title, done = 0, total = 0, error } = model;
    const shown = displayName(title ?? name);
    const text = error ? `${shown} could not be downloaded. The reason is in Settings, Models.` : `Getting ${shown} · ${sizeWords(done)} of ${sizeWords(total)}`;
    bar.hidden = Boolean(error);
    if (words.textContent !== text) words.textContent = text;
    bar.max = Math.max(1, total);
    bar.value = done;
  }
}
