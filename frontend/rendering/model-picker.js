/** Choice of the open chat's model, in the header. Only shown where the server has several models. */

import { isUnreachable } from "../panels/model-words.js";
import { ChoiceList } from "../ui/choice-list.js";
import { textButton } from "../ui/elements.js";
import { downloadOf, modelChoices, shortNames, stateWords } from "./model-choices.js";

/** @typedef {import("../panels/models-api.js").LocalModels} LocalModels */
/** @typedef {import("../protocol/messages.js").ModelEntry} ModelEntry */
/**
 * @typedef {object} ModelPickerElements
 * @property {HTMLButtonElement} button that opens the list
 * @property {HTMLElement} chosen its text
 * @property {HTMLElement} name name of the model on a server with one, hidden while there is a choice
 */
/**
 * The page's list of models and downloads.
 * @typedef {object} ModelStock
 * @property {() => Promise<LocalModels>} list
 * @property {() => void} manage show it
 * @property {(source: string) => void} download start a download, and show it
 */
/** @typedef {{modelChosen: (name: string) => void}} ModelPickerDelegate */

export class ModelPicker {
  #elements;
  #stock;
  #list;
  /** @type {ModelEntry[]} */
  #models = [];
  /** @type {LocalModels | null} facts as of the last time the list was opened */
  #local = null;
  /** @type {string | undefined} name of the chat's model */
  #wanted;

  /**
   * @param {ModelPickerElements} elements
   * @param {ModelStock} stock
   */
  constructor(elements, stock) {
    this.#elements = elements;
    this.#stock = stock;
    const manage = textButton("Manage models…", "chooser-more", () => {
      this.#list.close();
      stock.manage();
    });
    const words = { title: "Models", search: "Find a model", none: "No model matches." };
    this.#list = new ChoiceList(elements.button, words, [manage]);
  }

  /** @param {ModelPickerDelegate} delegate */
  start(delegate) {
    this.#list.start({
      opening: () => void this.#read(),
      chosen: (value) => {
        const source = downloadOf(value);
        if (source === undefined) delegate.modelChosen(value);
        else this.#stock.download(source);
      },
    });
  }

  stop() {
    this.#list.stop();
  }

  /**
   * Offer the server's models: those that answer at once, then those that are loaded when they are needed.
   * @param {ModelEntry[]} models the default one first
   */
  offer(models) {
    this.#models = models;
    this.#elements.button.hidden = models.length < 2;
    this.#elements.name.hidden = models.length >= 2;
    if (models.length < 2) this.#list.close();
    this.show(this.#wanted);
  }

  /** Show the chat's model. @param {string | undefined} name the default one without it, or if the server has none of this name */
  show(name) {
    this.#wanted = name;
    const index = Math.max(0, this.#models.findIndex((model) => model.name === name));
    const chosen = this.#models[index];
    this.#list.show(modelChoices(this.#models, this.#local), chosen?.name);
    if (!chosen) return;
    const text = [shortNames(this.#models)[index], stateWords(chosen)].filter(Boolean).join(" · ");
    const { button, chosen: words } = this.#elements;
    if (words.textContent === text) return;
    words.textContent = text;
    button.ariaLabel = `Model: ${text}`;
    button.title = isUnreachable(chosen) ? `${chosen.name}: its server can't be reached` : chosen.state === "failed" && chosen.error ? `${chosen.name}: ${chosen.error}` : chosen.name;
  }

  /** Read the facts that only the list of models has. Without them the picker shows what it knows. */
  async #read() {
    try {
      this.#local = await this.#stock.list();
    } catch {
      return;
    }
    this.show(this.#wanted);
  }
}
