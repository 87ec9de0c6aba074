/** How the open conversation is answered: the model's facts, the system prompt, presets and every sampling parameter. */

import { SYSTEM } from "./changed-settings.js";
import { create, createButton } from "./elements.js";
import { describeModel } from "./model-facts.js";
import { ParameterField } from "./parameter-field.js";
import { GROUPS, PARAMETERS } from "./parameters.js";
import { PresetList } from "./preset-list.js";
import { applied } from "./presets.js";
import { tidied } from "./settings.js";

/** @typedef {import("../protocol/messages.js").Limits} Limits */
/** @typedef {import("../protocol/messages.js").ModelFacts} ModelFacts */
/** @typedef {import("./presets.js").Preset} Preset */
/** @typedef {import("./presets.js").Presets} Presets */
/** @typedef {import("./settings.js").Settings} Settings */
/** @typedef {{settingsChanged: (settings: Settings) => void}} SettingsPanelDelegate */

export class SettingsPanel {
  name = "chat";
  title = "Chat";
  #delegate;
  /** @type {Settings} */
  #settings = {};
  #facts = create("dl", { class: "facts" });
  #system;
  #presets;
  #fields;
  /** @type {Map<string, HTMLElement>} */
  #counts = new Map();
  #said = create("p", { class: "panel-said", role: "status" });
  /** @type {Settings | null} what was reset last */
  #undone = null;

  /**
   * @param {Presets} presets
   * @param {(text: string) => Promise<void>} copyText may fail
   * @param {SettingsPanelDelegate} delegate hears of each valid change
   */
  constructor(presets, copyText, delegate) {
    this.#delegate = delegate;
    this.#system = create("textarea", {
      id: "system-prompt", class: "field-input", rows: 3, dir: "auto", "aria-describedby": "system-prompt-hint",
      placeholder: "None",
    });
    this.#system.addEventListener("change", () => this.#change({ ...this.#settings, system: this.#system.value }));
    this.#presets = new PresetList(presets, copyText, {
      presetChosen: (preset) => this.#presetChosen(preset),
      presetWanted: () => this.#settings,
      presetSaid: (sentence) => this.#say(sentence),
    });
    this.#fields = PARAMETERS.map((parameter) => new ParameterField(parameter, this));
    this.element = create("div", {}, ...this.#sections());
    this.show({}, {}, {});
  }

  /**
   * @param {Settings} settings of the conversation that is open
   * @param {ModelFacts} model
   * @param {Limits} limits
   */
  show(settings, model, limits) {
    this.showFacts(model, limits);
    this.#undone = null;
    this.#say("");
    this.#showSettings(settings);
  }

  /**
   * @param {ModelFacts} model
   * @param {Limits} limits
   */
  showFacts(model, limits) {
    const rows = describeModel(model, limits);
    const shown = rows.length > 0 ? rows : [["Name", "not connected yet"]];
    this.#facts.replaceChildren(
      ...shown.flatMap(([term = "", fact = ""]) => [create("dt", {}, term), create("dd", {}, fact)]),
    );
  }

  /**
   * Unfold the group of one field, scroll the field into view, and focus it.
   * @param {string} name of a sampling parameter, or SYSTEM
   */
  reveal(name) {
    const field = name === SYSTEM ? this.#system : this.#fields.find((each) => each.name === name)?.input;
    if (!field) return;
    field.closest("details")?.setAttribute("open", "");
    field.scrollIntoView({ block: "center" });
    field.focus({ preventScroll: true });
  }

  /** Takes over what is written in the field that has the focus. */
  hidden() {
    if (this.element.contains(document.activeElement)) /** @type {HTMLElement} */ (document.activeElement).blur();
  }

  /**
   * @param {string} name
   * @param {unknown} value
   */
  parameterChanged(name, value) {
    this.#change({ ...this.#settings, params: { ...this.#settings.params, [name]: value } });
  }

  /** @param {Settings} settings */
  #change(settings) {
    const changed = tidied(settings);
    this.#sayProblems();
    if (JSON.stringify(changed) === JSON.stringify(this.#settings)) return;
    this.#undone = null;
    this.#settings = changed;
    this.#showSummaries();
    this.#delegate.settingsChanged(changed);
  }

  /** @param {Settings} settings */
  #showSettings(settings) {
    this.#settings = tidied(settings);
    this.#system.value = this.#settings.system ?? "";
    for (const field of this.#fields) field.show(this.#settings.params?.[field.name]);
    this.#showSummaries();
  }

  #showSummaries() {
    this.#presets.show(this.#settings);
    for (const [group, count] of this.#counts) {
      const set = this.#fields.filter((field) => field.group === group && field.name in (this.#settings.params ?? {}));
      count.textContent = set.length > 0 ? `${set.length} set` : "";
    }
  }

  /** @param {Preset} preset */
  #presetChosen(preset) {
    this.#replace(applied(preset, this.#settings), `${preset.name}: ${preset.meaning.toLowerCase()}.`);
  }

  #resetAll() {
    this.#replace({}, "Everything is at its default again.");
  }

  /**
   * @param {Settings} settings
   * @param {string} sentence
   */
  #replace(settings, sentence) {
    const before = this.#settings;
    this.#showSettings(settings);
    this.#delegate.settingsChanged(this.#settings);
    this.#undone = before;
    this.#say(sentence);
    if (JSON.stringify(before) === JSON.stringify(this.#settings)) return;
    this.#said.append(" ", createButton("Undo", () => this.#undo(), { class: "panel-link" }));
  }

  #undo() {
    if (!this.#undone) return;
    this.#showSettings(this.#undone);
    this.#delegate.settingsChanged(this.#settings);
    this.#undone = null;
    this.#say("The earlier settings hold again.");
    this.#system.focus();
  }

  #sayProblems() {
    const wrong = this.#fields.filter(({ problem }) => problem !== "").map(({ label }) => label);
    this.#say(wrong.length === 0 ? "" : `To be mended: ${wrong.join(", ")}. Until then the earlier value holds.`);
  }

  /** @param {string} sentence */
  #say(sentence) {
    this.#said.replaceChildren(sentence);
  }

  #sections() {
    return [
      create("section", { class: "panel-group" }, create("h3", {}, "Model"), this.#facts),
      create(
        "div",
        { class: "field panel-group" },
        create("label", { for: "system-prompt", class: "panel-title" }, "System prompt"),
        this.#system,
        create("p", { class: "field-hint", id: "system-prompt-hint" }, "What the model is told before the conversation: who it is, how it is to answer."),
      ),
      this.#presets.element,
      create("p", { class: "field-hint panel-group" }, "An empty field leaves the choice to the model's own recommendation, else to the default."),
      ...GROUPS.map((group, index) => this.#createGroup(group, index === 0)),
      create(
        "div",
        { class: "panel-footer" },
        this.#said,
        create(
          "div",
          { class: "panel-actions" },
          createButton("Reset all", () => this.#resetAll()),
          create("span", { class: "field-hint" }, "Changes hold from the next answer on."),
        ),
      ),
    ];
  }

  /**
   * @param {string} group
   * @param {boolean} isOpen
   */
  #createGroup(group, isOpen) {
    const fields = this.#fields.filter((field) => field.group === group);
    const count = create("span", { class: "group-count" });
    this.#counts.set(group, count);
    return create(
      "details",
      { class: "panel-group", open: isOpen },
      create("summary", { class: "panel-title" }, create("span", {}, group), count),
      create("div", { role: "group", "aria-label": group }, ...fields.map(({ element }) => element)),
    );
  }
}
