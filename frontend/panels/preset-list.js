/** The presets as buttons, and what can be done with the settings as a whole: keep them under a name, copy them. */

import { create, createButton } from "./elements.js";
import { MAX_NAME, isInForce } from "./presets.js";

/** @typedef {import("./presets.js").Preset} Preset */
/** @typedef {import("./presets.js").Presets} Presets */
/** @typedef {import("./settings.js").Settings} Settings */
/**
 * @typedef {object} PresetListDelegate
 * @property {(preset: Preset) => void} presetChosen
 * @property {() => Settings} presetWanted the settings to keep or to copy
 * @property {(sentence: string) => void} presetSaid what was done, or why not
 */

export class PresetList {
  #presets;
  #copyText;
  #delegate;
  #list = create("div", { class: "preset-list" });
  #form;
  #name;
  #error = create("p", { class: "field-error", id: "preset-name-error", hidden: true });

  /**
   * @param {Presets} presets
   * @param {(text: string) => Promise<void>} copyText may fail
   * @param {PresetListDelegate} delegate
   */
  constructor(presets, copyText, delegate) {
    this.#presets = presets;
    this.#copyText = copyText;
    this.#delegate = delegate;
    this.#name = create("input", {
      type: "text", id: "preset-name", class: "field-input", maxlength: MAX_NAME * 2, autocomplete: "off",
      "aria-describedby": "preset-name-error",
    });
    this.#form = this.#createForm();
    this.element = create(
      "fieldset",
      { class: "panel-group" },
      create("legend", {}, "Presets"),
      this.#list,
      create(
        "div",
        { class: "panel-actions" },
        createButton("Save as preset…", () => this.#askName()),
        createButton("Copy as JSON", () => this.#copy()),
      ),
      this.#form,
    );
  }

  /** @param {Settings} settings what holds now */
  show(settings) {
    this.#list.replaceChildren(...this.#presets.all.map((preset) => this.#createChip(preset, settings)));
  }

  /**
   * @param {Preset} preset
   * @param {Settings} settings
   */
  #createChip(preset, settings) {
    const isPressed = isInForce(preset, settings);
    const chip = createButton(preset.name, () => this.#choose(preset), {
      class: "preset", "aria-pressed": String(isPressed), title: preset.meaning,
    });
    if (!preset.isOwn) return chip;
    const attributes = { class: "preset-delete", "aria-label": `Delete the preset ${preset.name}` };
    return create("span", { class: "preset-own" }, chip, createButton("✕", () => this.#remove(preset), attributes));
  }

  /** @param {Preset} preset */
  #choose(preset) {
    this.#delegate.presetChosen(preset);
    for (const button of this.#list.querySelectorAll(".preset")) {
      if (button instanceof HTMLElement && button.textContent === preset.name) button.focus();
    }
  }

  /** @param {Preset} preset */
  #remove({ name }) {
    this.#presets.remove(name);
    this.show(this.#delegate.presetWanted());
    this.#delegate.presetSaid(`The preset ${name} is deleted.`);
    this.#list.querySelector("button")?.focus();
  }

  #askName() {
    this.#form.hidden = false;
    this.#name.focus();
  }

  #save() {
    const name = this.#name.value;
    const fault = this.#presets.save(name, this.#delegate.presetWanted());
    this.#error.textContent = fault;
    this.#error.hidden = fault === "";
    this.#name.setAttribute("aria-invalid", String(fault !== ""));
    if (fault) return this.#name.focus();
    this.#close();
    this.show(this.#delegate.presetWanted());
    this.#delegate.presetSaid(`Kept as the preset ${name.trim()}.`);
  }

  #close() {
    this.#name.value = "";
    this.#error.hidden = true;
    this.#form.hidden = true;
    this.element.querySelector("button")?.focus();
  }

  async #copy() {
    const text = JSON.stringify(this.#delegate.presetWanted(), null, 2);
    try {
      await this.#copyText(text);
      this.#delegate.presetSaid("The settings are copied.");
    } catch {
      this.#delegate.presetSaid("The browser does not let the page copy. Over plain http it does so on this machine only.");
    }
  }

  #createForm() {
    const form = create(
      "form",
      { class: "preset-form", hidden: true },
      create("label", { for: "preset-name" }, "Name of the preset"),
      this.#name,
      this.#error,
      create(
        "div",
        { class: "panel-actions" },
        create("button", { type: "submit", class: "panel-button" }, "Save"),
        createButton("Cancel", () => this.#close()),
      ),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#save();
    });
    return form;
  }
}
