/** List of the models on the server's machine. A model of the models folder can be deleted. */

import { create, createButton } from "../ui/elements.js";
import { countWords, fitWords, sizeWords } from "./model-words.js";

/** @typedef {import("./models-api.js").LocalModel} LocalModel */

export class LocalModelList {
  #remove;
  #choose;
  #list = create("ul", { class: "models-list" });
  #words = create("p", { class: "field-hint" }, "Loading…");
  /** What is shown, so that the same list is not built again under the focus. */
  #shown = "";

  /**
   * @param {(fullName: string) => void} remove
   * @param {(name: string) => void} choose the model for the open chat
   */
  constructor(remove, choose) {
    this.#remove = remove;
    this.#choose = choose;
    this.element = create("section", { class: "panel-group" }, create("h3", { tabindex: -1 }, "On this machine"), this.#words, this.#list);
  }

  /**
   * @param {LocalModel[]} models
   * @param {{mayRemove: boolean, choosable: string[], chosen: string | undefined}} state choosable: names of the models that the server can answer with
   */
  show(models, { mayRemove, choosable, chosen }) {
    const key = JSON.stringify([models, mayRemove, choosable, chosen]);
    if (key === this.#shown) return;
    this.#shown = key;
    this.#words.textContent = models.length === 1 ? "1 model" : `${models.length} models`;
    const hadFocus = this.#list.contains(document.activeElement);
    this.#list.replaceChildren(...models.map((model) => this.#createRow(model, mayRemove, choosable, chosen)));
    if (hadFocus) /** @type {HTMLElement | null} */ (this.element.firstElementChild)?.focus();
  }

  /** @param {string} words why the list can't be shown */
  fail(words) {
    this.#shown = "";
    this.#words.textContent = words;
    this.#list.replaceChildren();
  }

  /**
   * @param {LocalModel} model
   * @param {boolean} mayRemove
   * @param {string[]} choosable
   * @param {string | undefined} chosen
   */
  #createRow(model, mayRemove, choosable, chosen) {
    const { quantization, size, context, parameters, place } = model;
    const fit = fitWords(model);
    const facts = [
      ...(parameters ? [`${parameters} parameters`] : []),
      ...(quantization ? [quantization] : []),
      sizeWords(size),
      ...(context ? [`context ${countWords(context)}`] : []),
    ].join(" · ");
    const name = choosable.find((each) => each === model.name || each === model.full_name);
    const buttons = create("div", { class: "models-buttons" });
    if (name !== undefined && name !== chosen) buttons.append(createButton("Use in this chat", () => this.#choose(name), { title: model.full_name }));
    if (model.removable && mayRemove) buttons.append(...this.#createRemoval(model));
    return create(
      "li",
      { class: "models-row" },
      create("span", { class: "models-name", title: model.full_name }, model.name),
      create("p", { class: "field-hint" }, facts),
      ...(fit === "" ? [] : [create("p", { class: model.fits === false ? "field-hint models-unfit" : "field-hint" }, `${fit[0]?.toUpperCase()}${fit.slice(1)}`)]),
      create("p", { class: "field-hint" }, [model.in_use ? "In use" : "", PLACES[place] ?? `From ${place}`].filter(Boolean).join(" · ")),
      ...(buttons.childElementCount > 0 ? [buttons] : []),
    );
  }

  /**
   * Create the buttons that delete a model: the second one asks again, since a file can't be restored.
   * @param {LocalModel} model
   */
  #createRemoval({ full_name: fullName, name, size }) {
    const sure = createButton(`Delete ${sizeWords(size)} for good`, () => this.#remove(fullName), { hidden: true, class: "panel-button models-grave" });
    const keep = createButton("Keep", () => {
      ask.hidden = false;
      sure.hidden = keep.hidden = true;
      ask.focus();
    }, { hidden: true });
    const ask = createButton("Delete…", () => {
      ask.hidden = true;
      sure.hidden = keep.hidden = false;
      keep.focus();
    }, { "aria-label": `Delete ${name}…` });
    return [ask, sure, keep];
  }
}

/** @type {Record<string, string>} */
const PLACES = { streamui: "In the models folder", "built-in": "Built in", huggingface: "From Hugging Face's tools", ollama: "From Ollama", lmstudio: "From LM Studio", gpt4all: "From GPT4All", jan: "From Jan" };
