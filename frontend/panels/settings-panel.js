/** Settings of the open conversation: system prompt, presets, every sampling parameter; facts about the model. */

import { SYSTEM } from "./changed-settings.js";
import { create, createButton } from "../ui/elements.js";
import { describeModel } from "./model-facts.js";
import { ParameterField } from "./parameter-field.js";
import { GROUPS, PARAMETERS } from "./parameters.js";
import { PresetList } from "./preset-list.js";
import { applied } from "./presets.js";
import { tidied } from "./settings.js";
import { TOOL_CHOICE, TOOL_CHOICE_FIELD, describeToolChoice, toolChoices } from "./tool-choice.js";
import { TOOLS, TOOLS_FIELD } from "./tools-setting.js";

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
  /** @type {[ModelFacts, Limits] | []} facts that are shown */
  #shownFacts = [];
  #system;
  #presets;
  #toolChoice = new ParameterField(TOOL_CHOICE_FIELD, this);
  /** Fields of the sampling parameters, and of the tools. */
  #fields;
  /** @type {Map<string, HTMLElement>} */
  #counts = new Map();
  #said = create("p", { class: "panel-said", role: "status" });
  #resetButton = createButton("Reset all", () => this.#resetAll());

  /**
   * @param {Presets} presets
   * @param {(text: string) => Promise<void>} copyText rejects if the browser refuses
   * @param {SettingsPanelDelegate} delegate called for each valid change
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
      presetSaid: (sentence, undo) => this.#say(sentence, undo),
    });
    this.#fields = [...[...PARAMETERS, TOOLS_FIELD].map((parameter) => new ParameterField(parameter, this)), this.#toolChoice];
    this.element = create(
      "div",
      { class: "settings-view" },
      create("div", { class: "settings-rows" }, ...this.#sections()),
      this.#createFooter(),
    );
    this.show({}, {}, {});
  }

  /**
   * @param {Settings} settings of the conversation that is open
   * @param {ModelFacts} model
   * @param {Limits} limits
   */
  show(settings, model, limits) {
    this.showFacts(model, limits);
    this.#say("");
    this.#showSettings(settings);
  }

  /**
   * @param {ModelFacts} model
   * @param {Limits} limits
   */
  showFacts(model, limits) {
    if (model === this.#shownFacts[0] && limits === this.#shownFacts[1]) return;
    this.#shownFacts = [model, limits];
    const recommended = /** @type {Record<string, number | undefined>} */ (model.sampling ?? {});
    for (const field of this.#fields) field.showDefault(recommended[field.name]);
    const rows = describeModel(model, limits);
    const shown = rows.length > 0 ? rows : [["Name", "Not connected"]];
    this.#facts.replaceChildren(
      ...shown.flatMap(([term = "", fact = ""]) => [create("dt", {}, term), create("dd", {}, fact)]),
    );
  }

  /**
   * Unfold the group of one field, scroll the field into view, and focus it.
   * @param {string} name of a sampling parameter, SYSTEM, TOOLS or TOOL_CHOICE
   */
  reveal(name) {
    const field = name === SYSTEM ? this.#system : this.#fields.find((each) => each.name === name)?.input;
    if (!field) return;
    field.closest("details")?.setAttribute("open", "");
    field.scrollIntoView({ block: "center" });
    field.focus({ preventScroll: true });
  }

  /** Apply the text of the field that has the focus. */
  hidden() {
    if (this.element.contains(document.activeElement)) /** @type {HTMLElement} */ (document.activeElement).blur();
  }

  /**
   * @param {string} name
   * @param {unknown} value
   */
  parameterChanged(name, value) {
    if (name === TOOLS) return this.#changeTools(/** @type {import("../protocol/messages.js").Tool[]} */ (value ?? []));
    if (name === TOOL_CHOICE) return this.#change({ ...this.#settings, tool_choice: /** @type {Settings["tool_choice"]} */ (value) });
    this.#change({ ...this.#settings, params: { ...this.#settings.params, [name]: value } });
  }

  /** @param {import("../protocol/messages.js").Tool[]} tools */
  #changeTools(tools) {
    const { tool_choice: before } = this.#settings;
    this.#change({ ...this.#settings, tools });
    this.#showToolChoice();
    if (before === undefined || this.#settings.tool_choice !== undefined || tools.length === 0) return;
    this.#say(`“${describeToolChoice(before)}” no longer applies: that function is gone. The model decides.`);
  }

  /** Name the fields that need a valid value. */
  parameterRejected() {
    this.#sayProblems();
  }

  /** @param {Settings} settings */
  #change(settings) {
    const changed = tidied(settings);
    this.#sayProblems();
    if (JSON.stringify(changed) === JSON.stringify(this.#settings)) return;
    this.#settings = changed;
    this.#showSummaries();
    this.#delegate.settingsChanged(changed);
  }

  /** @param {Settings} settings */
  #showSettings(settings) {
    this.#settings = tidied(settings);
    this.#system.value = this.#settings.system ?? "";
    for (const field of this.#fields) field.show(this.#valueOf(field.name));
    this.#showToolChoice();
    this.#showSummaries();
  }

  /** Offer the choices that there are with the chat's functions, and none without any. */
  #showToolChoice() {
    const { tools = [], tool_choice: choice } = this.#settings;
    this.#toolChoice.element.hidden = tools.length === 0;
    this.#toolChoice.offer(toolChoices(tools));
    this.#toolChoice.show(choice);
  }

  /** @param {string} name */
  #valueOf(name) {
    if (name === TOOLS) return this.#settings.tools;
    return name === TOOL_CHOICE ? this.#settings.tool_choice : this.#settings.params?.[name];
  }

  #showSummaries() {
    this.#presets.show(this.#settings);
    for (const [group, count] of this.#counts) {
      const set = this.#fields.filter((field) => field.group === group && this.#valueOf(field.name) !== undefined);
      count.textContent = set.length > 0 ? `${set.length} changed` : "";
    }
  }

  /** @param {Preset} preset */
  #presetChosen(preset) {
    this.#replace(applied(preset, this.#settings), `${preset.name}: ${preset.meaning.toLowerCase()}.`);
  }

  #resetAll() {
    this.#replace(tidied({ ...this.#settings, system: "", params: {}, tools: [] }), "Reset to defaults");
  }

  /**
   * @param {Settings} settings
   * @param {string} sentence
   */
  #replace(settings, sentence) {
    const before = this.#settings;
    this.#showSettings(settings);
    this.#delegate.settingsChanged(this.#settings);
    const isChanged = JSON.stringify(before) !== JSON.stringify(this.#settings);
    this.#say(sentence, isChanged ? () => this.#restore(before) : undefined);
  }

  /** @param {Settings} settings */
  #restore(settings) {
    this.#showSettings(settings);
    this.#delegate.settingsChanged(this.#settings);
    this.#say("Settings restored");
  }

  #sayProblems() {
    const wrong = this.#fields.filter(({ problem }) => problem !== "").map(({ label }) => label);
    const previous = wrong.length === 1 ? "The previous value stays" : "The previous values stay";
    this.#say(wrong.length === 0 ? "" : `Fix: ${wrong.join(", ")}. ${previous} in use.`);
  }

  /**
   * @param {string} sentence
   * @param {() => void} [undo] of what the sentence reports
   */
  #say(sentence, undo) {
    this.#said.replaceChildren(sentence);
    if (!undo) return;
    const button = createButton("Undo", () => {
      undo();
      this.#resetButton.focus();
    }, { class: "panel-link" });
    this.#said.append(" ", button);
  }

  #sections() {
    const [first = "", ...others] = GROUPS;
    return [
      create(
        "div",
        { class: "panel-group" },
        create("label", { for: "system-prompt", class: "panel-title" }, "System prompt"),
        this.#system,
        create("p", { class: "field-hint", id: "system-prompt-hint" }, "Instructions the model follows in this chat."),
      ),
      this.#presets.element,
      create(
        "section",
        { class: "panel-group", "aria-labelledby": "settings-common" },
        create("h3", { id: "settings-common" }, first),
        create("p", { class: "field-hint" }, "Leave empty to use the default."),
        ...this.#rows(first),
      ),
      ...[...others, TOOLS_FIELD.group].map((group) => this.#createGroup(group)),
      create("section", { class: "panel-group model-facts" }, create("h3", {}, "Model"), this.#facts),
    ];
  }

  #createFooter() {
    const actions = create(
      "div",
      { class: "panel-actions" },
      this.#resetButton,
      create("span", { class: "field-hint" }, "Applies at once where possible."),
    );
    return create("div", { class: "panel-footer" }, this.#said, actions);
  }

  /** @param {string} group */
  #rows(group) {
    return this.#fields.filter((field) => field.group === group).map(({ element }) => element);
  }

  /** @param {string} group */
  #createGroup(group) {
    const count = create("span", { class: "group-count" });
    this.#counts.set(group, count);
    return create(
      "details",
      { class: "panel-group" },
      create("summary", { class: "panel-title" }, create("span", {}, group), count),
      create("div", { role: "group", "aria-label": group }, ...this.#rows(group)),
    );
  }
}
