/** List of presets, with two commands for all settings: save as a preset, and copy. */

import { create, createButton } from "../ui/elements.js";
import { MAX_NAME, currentPreset } from "./presets.js";

/** @typedef {import("./presets.js").Preset} Preset */
/** @typedef {import("./presets.js").Presets} Presets */
/** @typedef {import("./settings.js").Settings} Settings */
/**
 * @typedef {object} PresetListDelegate
 * @property {(preset: Preset) => void} presetChosen
 * @property {() => Settings} presetWanted the settings to save or to copy
 * @property {(sentence: string, undo?: () => void) => void} presetSaid reports the result, or an error
 */

export class PresetList {
  #presets;
  #copyText;
  #delegate;
  #list = create("div", { class: "preset-list" });
  /** Name of the preset that was chosen or saved last. */
  #chosen = "";
  #form;
  #name;
  #saveButton = createButton("Save as preset…", () => this.#askName(), { class: "panel-link" });
  #error = create("p", { class: "field-error", id: "preset-name-error", hidden: true });

  /**
   * @param {Presets} presets
   * @param {(text: string) => Promise<void>} copyText rejects if the browser refuses
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
        this.#saveButton,
        createButton("Copy as JSON", () => this.#copy(), { class: "panel-link" }),
      ),
      this.#form,
    );
  }

  /** @param {Settings} settings the current ones */
  show(settings) {
    const presets = this.#presets.all;
    const current = currentPreset(presets, settings, this.#chosen);
    this.#list.replaceChildren(...presets.map((preset) => this.#createChip(preset, preset === current)));
  }

  /**
   * @param {Preset} preset
   * @param {boolean} isPressed
   */
  #createChip(preset, isPressed) {
    const chip = createButton(preset.name, () => this.#choose(preset), {
      class: "preset", "aria-pressed": String(isPressed), title: preset.meaning,
    });
    if (!preset.isOwn) return chip;
    const attributes = { class: "preset-delete", "aria-label": `Delete the preset ${preset.name}` };
    return create("span", { class: "preset-own" }, chip, createButton("✕", () => this.#remove(preset), attributes));
  }

  /** @param {Preset} preset */
  #choose(preset) {
    this.#chosen = preset.name;
    this.#delegate.presetChosen(preset);
    for (const button of this.#list.querySelectorAll(".preset")) {
      if (button instanceof HTMLElement && button.textContent === preset.name) button.focus();
    }
  }

  /** @param {Preset} preset */
  #remove({ name }) {
    const restore = this.#presets.remove(name);
    this.show(this.#delegate.presetWanted());
    this.#delegate.presetSaid("Preset deleted", () => {
      restore();
      this.show(this.#delegate.presetWanted());
      this.#delegate.presetSaid("Preset restored");
    });
    this.#list.querySelector("button")?.focus();
  }

  #askName() {
    this.#form.hidden = false;
    this.#form.scrollIntoView({ block: "nearest" });
    this.#name.focus({ preventScroll: true });
  }

  #save() {
    const name = this.#name.value;
    const fault = this.#presets.save(name, this.#delegate.presetWanted());
    this.#error.textContent = fault;
    this.#error.hidden = fault === "";
    this.#name.setAttribute("aria-invalid", String(fault !== ""));
    if (fault) return this.#askName();
    this.#chosen = name.trim();
    this.#close();
    this.show(this.#delegate.presetWanted());
    this.#delegate.presetSaid("Preset saved");
  }

  #close() {
    this.#name.value = "";
    this.#error.hidden = true;
    this.#name.removeAttribute("aria-invalid");
    this.#form.hidden = true;
    this.#saveButton.focus();
  }

  async #copy() {
    const text = JSON.stringify(this.#delegate.presetWanted(), null, 2);
    try {
      await this.#copyText(text);
      this.#delegate.presetSaid("Settings copied");
    } catch {
      this.#delegate.presetSaid("Couldn't copy. Browsers allow it over HTTPS only.");
    }
  }

  #createForm() {
    const form = create(
      "form",
      { class: "preset-form", hidden: true },
      create("label", { for: "preset-name" }, "Preset name"),
      this.#name,
      this.#error,
      create(
        "div",
        { class: "panel-actions" },
        create("button", { type: "submit", class: "panel-button panel-button-first" }, "Save"),
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
