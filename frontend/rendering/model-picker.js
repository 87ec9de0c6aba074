/** Choice of the open chat's model, in the header. Only shown where the server has several models. */

import { create } from "../ui/elements.js";
import { displayName } from "./model-name.js";

/** @typedef {import("../protocol/messages.js").ModelEntry} ModelEntry */
/**
 * @typedef {object} ModelPickerElements
 * @property {HTMLSelectElement} choice
 * @property {HTMLElement} name name of the model on a server with one, hidden while there is a choice
 */
/** @typedef {{modelChosen: (name: string) => void}} ModelPickerDelegate */

export class ModelPicker {
  #elements;
  /** @type {ModelEntry[]} */
  #models = [];
  #observer = new AbortController();

  /** @param {ModelPickerElements} elements */
  constructor(elements) {
    this.#elements = elements;
  }

  /** @param {ModelPickerDelegate} delegate */
  start(delegate) {
    const { choice } = this.#elements;
    choice.addEventListener("change", () => delegate.modelChosen(choice.value), { signal: this.#observer.signal });
  }

  stop() {
    this.#observer.abort();
  }

  /** Offer the server's models. @param {ModelEntry[]} models the default one first */
  offer(models) {
    const isSame = JSON.stringify(models) === JSON.stringify(this.#models);
    this.#models = models;
    this.#elements.choice.hidden = models.length < 2;
    this.#elements.name.hidden = models.length >= 2;
    if (isSame) return;
    const names = shortNames(models.map(({ name }) => name));
    this.#elements.choice.replaceChildren(...models.map(({ name }, index) => create("option", { value: name }, names[index] ?? name)));
  }

  /** Show the chat's model. @param {string | undefined} name the default one without it, or if the server has none of this name */
  show(name) {
    const { choice } = this.#elements;
    const chosen = this.#models.find((model) => model.name === name) ?? this.#models[0];
    if (chosen && choice.value !== chosen.name) choice.value = chosen.name;
    choice.title = chosen?.name ?? "";
  }
}

/**
 * @param {string[]} names
 * @returns {string[]} display names, or full ones where several models would have the same
 */
function shortNames(names) {
  const short = names.map(displayName);
  return short.map((name, index) => (short.indexOf(name) === short.lastIndexOf(name) ? name : (names[index] ?? name)));
}
