/** Search of the hub: repositories, and the models of one with their sizes and memory needs. */

import { create, createButton } from "../ui/elements.js";
import { countWords, fitWords, sizeWords } from "./model-words.js";

/** @typedef {import("./models-api.js").HubModel} HubModel */
/** @typedef {import("./models-api.js").Repository} Repository */
/** @typedef {import("./models-api.js").Suggested} Suggested */
/** @typedef {Pick<import("./models-api.js").ModelsApi, "search" | "repository">} Hub */

export class HubSearch {
  #hub;
  #download;
  #field = create("input", {
    type: "search", class: "models-field", id: "models-search", placeholder: "Name of a model", "aria-label": "Search for models",
    autocomplete: "off", spellcheck: "false", enterkeyhint: "search", maxlength: 200,
  });
  #said = create("p", { class: "field-hint", role: "status" });
  #found = create("ul", { class: "models-list" });
  #suggested = create("ul", { class: "models-list" });
  /** Number of the last search. The answer to an earlier one is dropped. */
  #search = 0;

  /**
   * @param {Hub} hub
   * @param {(source: string) => Promise<boolean>} download resolves to whether it was added to the queue
   */
  constructor(hub, download) {
    this.#hub = hub;
    this.#download = download;
    const form = create("form", { class: "models-search", role: "search" }, this.#field, create("button", { type: "submit", class: "panel-button" }, "Search"));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void this.#searchFor(this.#field.value.trim());
    });
    this.element = create(
      "section",
      { class: "panel-group", hidden: true },
      create("h3", {}, "Find a model"),
      create("p", { class: "field-hint" }, "On Hugging Face. Only models in the GGUF format are found."),
      form,
      this.#said,
      this.#suggested,
      this.#found,
    );
  }

  /** Show models that can be had without a search. @param {Suggested[]} suggested */
  suggest(suggested) {
    const key = JSON.stringify(suggested);
    if (this.#suggested.dataset["shown"] === key) return;
    this.#suggested.dataset["shown"] = key;
    this.#suggested.replaceChildren(...suggested.map(({ source, about }) => {
      return create("li", { class: "models-row" }, create("span", { class: "models-name" }, source), create("p", { class: "field-hint" }, about), this.#button(source, source));
    }));
  }

  /** @param {string} words */
  async #searchFor(words) {
    if (words === "") return void this.#field.focus();
    const search = (this.#search += 1);
    this.#said.textContent = "Searching…";
    this.#found.replaceChildren();
    this.#suggested.hidden = true;
    try {
      const found = await this.#hub.search(words);
      if (search !== this.#search) return;
      this.#said.textContent = found.length === 0 ? `No models found for “${words}”.` : `${found.length} ${found.length === 1 ? "result" : "results"}`;
      this.#found.replaceChildren(...found.map((repository) => this.#createRepository(repository)));
    } catch (error) {
      if (search === this.#search) this.#said.textContent = messageOf(error);
    }
  }

  /** @param {Repository} repository */
  #createRepository({ repository, downloads, licence, gated }) {
    const facts = [
      ...(downloads === null ? [] : [`${countWords(downloads)} downloads`]),
      ...(licence === null ? [] : [`licence ${licence}`]),
      ...(gated ? ["needs an agreement on its page"] : []),
    ];
    const models = create("div", { class: "models-inside", role: "status" });
    const details = create(
      "details",
      { class: "models-repository" },
      create("summary", {}, create("span", { class: "models-name" }, repository), create("span", { class: "field-hint" }, facts.join(" · "))),
      models,
    );
    details.addEventListener("toggle", () => {
      if (details.open && models.childElementCount === 0) void this.#showModels(repository, models);
    });
    return create("li", { class: "models-row" }, details);
  }

  /**
   * @param {string} repository
   * @param {HTMLElement} place
   */
  async #showModels(repository, place) {
    place.replaceChildren(create("p", { class: "field-hint" }, "Reading the list of files…"));
    try {
      const models = await this.#hub.repository(repository);
      if (models.length === 0) return void place.replaceChildren(create("p", { class: "field-hint" }, "No chat models in this repository."));
      place.replaceChildren(create("ul", { class: "models-list" }, ...models.map((model) => this.#createModel(model))));
    } catch (error) {
      const again = createButton("Try again", () => void this.#showModels(repository, place));
      place.replaceChildren(create("p", { class: "field-error" }, messageOf(error)), again);
    }
  }

  /** @param {HubModel} model */
  #createModel(model) {
    const fit = fitWords(model);
    const facts = create("p", { class: "field-hint" }, sizeWords(model.size), ...(fit === "" ? [] : [" · ", create("span", model.fits === false ? { class: "models-unfit" } : {}, fit)]));
    const action = model.here
      ? create("p", { class: "field-hint" }, "On this machine")
      : model.source === null ? create("p", { class: "field-hint" }, "Can't be downloaded by its name") : this.#button(model.source, model.name);
    return create("li", { class: "models-row" }, create("span", { class: "models-name", title: model.name }, model.quantization), facts, action);
  }

  /**
   * @param {string} source
   * @param {string} name
   */
  #button(source, name) {
    const button = createButton("Download", () => {
      button.disabled = true;
      void this.#download(source).then((isAdded) => {
        button.disabled = isAdded;
        if (isAdded) button.textContent = "Added";
      });
    }, { "aria-label": `Download ${name}` });
    return button;
  }
}

/** @param {unknown} error */
function messageOf(error) {
  return error instanceof Error && error.name === "ModelsError" ? error.message : "Something went wrong. Try again.";
}
