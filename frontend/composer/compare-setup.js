/**
 * Set-up of a comparison, above the input: two to four answers, each with its model, settings and seed. Opens at a button
 * beside the input, and is for the next question only.
 */

import { MAX_COLUMNS } from "../conversations/comparisons.js";
import { create, iconButton } from "../ui/elements.js";
import { CHAT_SETTINGS, columnLabels } from "../words/comparison-words.js";

/** @typedef {import("../panels/presets.js").Preset} Preset */
/** @typedef {import("../panels/settings.js").Settings} Settings */
/** @typedef {{name: string, words: string, isDisabled: boolean}} ModelOption */
/** @typedef {{label: string, model?: string, params?: Record<string, unknown>}} WantedAnswer params: in place of those of the chat's settings */
/** @typedef {{element: HTMLElement, model: HTMLSelectElement, preset: HTMLSelectElement, seed: HTMLInputElement, remove: HTMLButtonElement}} Row */
/**
 * @typedef {object} CompareSetupElements
 * @property {HTMLButtonElement} button that opens and closes it
 * @property {HTMLElement} area
 * @property {HTMLElement} list of the answers
 * @property {HTMLButtonElement} addButton
 */
/**
 * @typedef {object} CompareSetupPage
 * @property {() => Preset[]} presets
 * @property {() => string | undefined} model name of the open chat's model
 * @property {() => void} ready called when the set-up has opened or closed
 */

const FEWEST = 2;
const MAX_SEED = 2 ** 32 - 1;
/** Seed that lets the server choose one. */
const RANDOM = -1;

export class CompareSetup {
  #elements;
  #page;
  /** @type {ModelOption[]} */
  #models = [];
  /** @type {Row[]} */
  #rows = [];
  #observer = new AbortController();

  /**
   * @param {CompareSetupElements} elements
   * @param {CompareSetupPage} page
   */
  constructor(elements, page) {
    this.#elements = elements;
    this.#page = page;
  }

  start() {
    const { button, area, addButton } = this.#elements;
    const { signal } = this.#observer;
    button.addEventListener("click", () => (this.isOpen ? this.close() : this.#open()), { signal });
    addButton.addEventListener("click", () => focusFirst(this.#add()), { signal });
    area.addEventListener("keydown", (event) => this.#keyPressed(event), { signal });
    this.close();
  }

  stop() {
    this.#observer.abort();
  }

  get isOpen() {
    return !this.#elements.area.hidden;
  }

  /** @param {ModelOption[]} models of the server, the default one first */
  offerModels(models) {
    this.#models = models;
    for (const { model } of this.#rows) this.#fillModels(model, model.value);
  }

  /** @param {boolean} isPossible whether a comparison can be started in the open chat now */
  offer(isPossible) {
    this.#elements.button.disabled = !isPossible;
    if (!isPossible) this.close();
  }

  close() {
    this.#show(false);
  }

  /**
   * @param {Settings} settings of the chat
   * @returns {WantedAnswer[]}
   */
  answers({ params = {} }) {
    const presets = this.#page.presets();
    const labels = columnLabels(this.#rows.map(({ model, preset, seed }) => ({
      model: this.#models.length > 1 ? this.#wordsOf(model.value) : "",
      preset: preset.value,
      seed: seed.value,
    })));
    return this.#rows.map(({ model, preset, seed }, index) => {
      const own = { ...presets.find(({ name }) => name === preset.value)?.settings.params };
      if (seed.value !== "") own["seed"] = Number(seed.value);
      else if (params["seed"] !== undefined) own["seed"] = RANDOM;
      return {
        label: labels[index] ?? "",
        ...(this.#models.length > 1 ? { model: model.value } : {}),
        ...(Object.keys(own).length > 0 ? { params: own } : {}),
      };
    });
  }

  #open() {
    while (this.#rows.length < FEWEST) this.#add();
    for (const { preset } of this.#rows) this.#fillPresets(preset);
    this.#show(true);
    this.#page.ready();
  }

  /** @param {boolean} isOpen */
  #show(isOpen) {
    const { button, area } = this.#elements;
    area.hidden = !isOpen;
    button.ariaExpanded = String(isOpen);
  }

  #add() {
    const row = this.#createRow();
    const used = this.#rows.map(({ model }) => model.value);
    const others = this.#models.filter(({ name, isDisabled }) => !isDisabled && !used.includes(name));
    const chosen = this.#page.model() ?? this.#models[0]?.name;
    this.#fillModels(row.model, used.length === 0 ? chosen : others[0]?.name ?? chosen);
    this.#fillPresets(row.preset);
    this.#rows.push(row);
    this.#elements.list.append(row.element);
    this.#showCount();
    return row;
  }

  /** @param {Row} row */
  #remove(row) {
    this.#rows = this.#rows.filter((each) => each !== row);
    row.element.remove();
    this.#showCount();
    this.#elements.addButton.focus();
  }

  /** Number the answers, and let no fewer or more be chosen than may be. */
  #showCount() {
    for (const [index, { element, remove }] of this.#rows.entries()) {
      element.ariaLabel = `Answer ${index + 1}`;
      remove.hidden = this.#rows.length <= FEWEST;
      remove.ariaLabel = remove.title = `Remove answer ${index + 1}`;
    }
    this.#elements.addButton.hidden = this.#rows.length >= MAX_COLUMNS;
  }

  /** @returns {Row} */
  #createRow() {
    const model = create("select", { class: "compare-choice", "aria-label": "Model" });
    const preset = create("select", { class: "compare-choice", "aria-label": "Settings" });
    const seed = create("input", {
      class: "compare-seed", type: "number", min: 0, max: MAX_SEED, step: 1, inputmode: "numeric", placeholder: "Random", autocomplete: "off",
    });
    seed.addEventListener("change", () => isSeed(seed.value) || (seed.value = ""));
    const remove = iconButton("close", "Remove answer", () => this.#remove(row));
    const field = create("label", { class: "compare-field" }, "Seed", seed);
    const element = create("div", { class: "compare-row", role: "group" }, model, preset, field, remove);
    const row = { element, model, preset, seed, remove };
    return row;
  }

  /**
   * @param {HTMLSelectElement} select
   * @param {string | undefined} chosen
   */
  #fillModels(select, chosen) {
    const options = this.#models.map(({ name, words, isDisabled }) => create("option", { value: name, disabled: isDisabled }, words));
    select.replaceChildren(...options);
    select.hidden = this.#models.length < 2;
    if (this.#models.some(({ name }) => name === chosen)) select.value = chosen ?? "";
  }

  /** @param {HTMLSelectElement} select */
  #fillPresets(select) {
    const { value } = select;
    const presets = this.#page.presets().filter(({ settings }) => Object.keys(settings.params ?? {}).length > 0);
    select.replaceChildren(create("option", { value: "" }, CHAT_SETTINGS), ...presets.map(({ name }) => create("option", { value: name }, name)));
    select.value = presets.some(({ name }) => name === value) ? value : "";
  }

  /** @param {string} name of a model */
  #wordsOf(name) {
    return this.#models.find((model) => model.name === name)?.words ?? name;
  }

  /** Escape closes the set-up. @param {KeyboardEvent} event */
  #keyPressed(event) {
    if (event.key === "Enter" && event.target instanceof HTMLInputElement) event.preventDefault(); // it would send the message
    if (event.key !== "Escape") return;
    event.preventDefault();
    event.stopPropagation();
    this.close();
    this.#elements.button.focus();
  }
}

/** Focus the first choice of an answer. @param {Row} row */
function focusFirst({ model, preset }) {
  (model.hidden ? preset : model).focus();
}

/** @param {string} text */
function isSeed(text) {
  return /^\d{1,10}$/.test(text) && Number(text) <= MAX_SEED;
}
