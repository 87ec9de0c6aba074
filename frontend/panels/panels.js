/** Side panel with its views (settings, models, engine, appearance), and help dialog. Owns both. */

import { AppearancePanel } from "./appearance-panel.js";
import { EngineMonitor } from "./engine-monitor.js";
import { EnginePanel } from "./engine-panel.js";
import { HelpDialog } from "./help-dialog.js";
import { ModelsPanel } from "./models-panel.js";
import { Presets } from "./presets.js";
import { SettingsPanel } from "./settings-panel.js";
import { SidePanel } from "./side-panel.js";

/** @typedef {import("../connection.js").Clock} Clock */
/** @typedef {import("../connection.js").ConnectionState} ConnectionState */
/** @typedef {import("../guarded-storage.js").Keeping} Keeping */
/** @typedef {import("../protocol/messages.js").Limits} Limits */
/** @typedef {import("../protocol/messages.js").ModelFacts} ModelFacts */
/** @typedef {import("../shortcuts.js").Shortcut} Shortcut */
/** @typedef {import("./settings.js").Settings} Settings */
/**
 * @typedef {object} PanelParts
 * @property {HTMLButtonElement} button that opens the panel
 * @property {HTMLButtonElement} helpButton
 * @property {import("./engine-monitor.js").Asked & {observe: (observer: (state: ConnectionState) => void) => void}} connection
 * @property {{readonly settings: Settings, set: (settings: Settings) => void, choose: (model: string) => void}} settings of the conversation that is open
 * @property {import("./models-api.js").ModelsApi} modelsApi
 * @property {Keeping} storage
 * @property {Clock} clock
 * @property {Shortcut[]} shortcuts
 * @property {(text: string) => Promise<void>} copyText rejects if the browser refuses
 */

export class Panels {
  #parts;
  #side;
  #chat;
  #engine;
  #modelList;
  #help;
  /** @type {ModelFacts} the default model */
  #model = {};
  /** @type {import("../protocol/messages.js").ModelEntry[]} */
  #models = [];
  /** @type {Limits} */
  #limits = {};

  /** @param {PanelParts} parts */
  constructor(parts) {
    this.#parts = parts;
    this.#help = new HelpDialog(parts.helpButton, parts.shortcuts);
    this.#engine = new EnginePanel(new EngineMonitor(parts.connection, parts.clock));
    this.#chat = new SettingsPanel(new Presets(parts.storage), parts.copyText, {
      settingsChanged: (settings) => parts.settings.set(settings),
    });
    this.#modelList = new ModelsPanel(parts.modelsApi, parts.clock, {
      get chosen() {
        return parts.settings.settings.model;
      },
      choose: (model) => parts.settings.choose(model),
    });
    const appearance = new AppearancePanel(parts.storage, () => this.#help.open());
    this.#side = new SidePanel(parts.button, [this.#chat, this.#modelList, this.#engine, appearance]);
  }

  start() {
    this.#help.start();
    this.#engine.start();
    this.#side.start();
    this.#parts.connection.observe((state) => this.#connectionChanged(state));
    this.showSettings();
  }

  stop() {
    this.#side.stop();
    this.#modelList.stop();
    this.#engine.stop();
    this.#help.stop();
  }

  /** Show the settings of the open conversation, after a change of either. */
  showSettings() {
    this.#chat.show(this.#parts.settings.settings, this.#chosen, this.#limits);
  }

  /**
   * Show the facts and defaults of the open conversation's model, after a change of it.
   * @param {import("../protocol/messages.js").ModelEntry[]} models
   */
  showModels(models) {
    this.#models = models;
    this.#modelList.offer(models);
    this.#chat.showFacts(this.#chosen, this.#limits);
  }

  /** @returns {ModelFacts} */
  get #chosen() {
    const { model } = this.#parts.settings.settings;
    return this.#models.find(({ name }) => name === model) ?? this.#models[0] ?? this.#model;
  }

  /**
   * Open the settings at one field, and focus it.
   * @param {string} name of a sampling parameter, or "system"
   */
  reveal(name) {
    this.#side.show(this.#chat.name);
    this.#chat.reveal(name);
  }

  /** Open the list of models. */
  showModelList() {
    this.#side.show(this.#modelList.name);
  }

  /** Start a download, and open the list of models. @param {string} source */
  download(source) {
    this.showModelList();
    void this.#modelList.download(source);
  }

  /** @param {ConnectionState} state */
  #connectionChanged(state) {
    if (state.name !== "connected") return;
    this.#model = state.welcome.model ?? {};
    this.#limits = state.welcome.limits ?? {};
    this.#models = state.welcome.models ?? [];
    this.#chat.showFacts(this.#chosen, this.#limits);
    this.#engine.showLimits(this.#limits);
  }
}
