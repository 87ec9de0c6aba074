/** Choice of the open chat's model, in the header. Only shown where the server has several models. */

import { describeBytes } from "../panels/model-facts.js";
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
  /** @type {string[]} */
  #labels = [];
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

  /**
   * Offer the server's models: those that answer at once, then those that are loaded when they are needed.
   * @param {ModelEntry[]} models the default one first
   */
  offer(models) {
    const labels = labelsOf(models);
    const isSame = JSON.stringify(labels) === JSON.stringify(this.#labels);
    this.#models = models;
    this.#labels = labels;
    this.#elements.choice.hidden = models.length < 2;
    this.#elements.name.hidden = models.length >= 2;
    if (!isSame) this.#fill(models);
  }

  /** @param {ModelEntry[]} models */
  #fill(models) {
    const { choice } = this.#elements;
    const { value } = choice;
    const options = models.map((model, index) => ({ model, option: create("option", { value: model.name }, this.#labels[index] ?? model.name) }));
    const loaded = options.filter(({ model }) => model.state === "loaded").map(({ option }) => option);
    const others = options.filter(({ model }) => model.state !== "loaded").map(({ option }) => option);
    if (others.length === 0) return choice.replaceChildren(...loaded);
    choice.replaceChildren(create("optgroup", { label: "Loaded" }, ...loaded), create("optgroup", { label: "Loaded when needed" }, ...others));
    choice.value = value;
  }

  /** Show the chat's model. @param {string | undefined} name the default one without it, or if the server has none of this name */
  show(name) {
    const { choice } = this.#elements;
    const chosen = this.#models.find((model) => model.name === name) ?? this.#models[0];
    if (chosen && choice.value !== chosen.name) choice.value = chosen.name;
    choice.title = chosen ? tooltipOf(chosen) : "";
  }
}

/**
 * @param {ModelEntry[]} models
 * @returns {string[]} their names, with what those need that are not loaded
 */
function labelsOf(models) {
  const names = shortNames(models);
  return models.map((model, index) => [names[index] ?? model.name, ...stateOf(model)].join(" · "));
}

/** @param {ModelEntry} model */
function stateOf({ state, needs }) {
  if (state === "loading") return ["loading"];
  if (state === "failed") return ["failed"];
  return state === "on_disk" && needs ? [`needs ${describeBytes(needs)}`] : [];
}

/** @param {ModelEntry} model */
function tooltipOf({ name, state, error }) {
  return state === "failed" && error ? `${name}: ${error}` : name;
}

/**
 * @param {ModelEntry[]} models
 * @returns {string[]} display names, or full ones where several models would have the same
 */
function shortNames(models) {
  const short = models.map(({ name, title }) => displayName(title ?? name));
  return short.map((name, index) => (short.indexOf(name) === short.lastIndexOf(name) ? name : (models[index]?.name ?? name)));
}
