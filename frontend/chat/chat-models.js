/** Models of the server, and the open conversation's choice among them. Owns the list of models. */

import { isUnreachable } from "../panels/model-words.js";
import { tidied } from "../panels/settings.js";

/** @typedef {import("../conversations/api.js").Settings} Settings */
/** @typedef {import("../protocol/messages.js").ModelEntry} ModelEntry */
/**
 * @typedef {object} ModelHooks
 * @property {() => Settings} settings of the open conversation
 * @property {(settings: Settings) => void} set changes them by the user's choice
 * @property {() => void} canCountChanged
 * @property {(models: ModelEntry[]) => void} changed
 */

export class ChatModels {
  #parts;
  #hooks;
  /** Name and context of the default model, as of the last connection. */
  #default = "";
  /** @type {ModelEntry[]} */
  #entries = [];
  /** @type {string[]} optional parts of the protocol that the server has, for models that don't name theirs */
  #features = [];

  /**
   * @param {Pick<import("./chat-parts.js").Parts, "modelPicker" | "effortChoice" | "arriving">} parts
   * @param {ModelHooks} hooks
   */
  constructor(parts, hooks) {
    this.#parts = parts;
    this.#hooks = hooks;
  }

  /** Name and context of the server's default model; "" before the first connection. */
  get default() {
    return this.#default;
  }

  /** @returns {string | undefined} name of the model that the settings name, if the server has it */
  get chosen() {
    const { model } = this.#hooks.settings();
    return this.#entries.find(({ name }) => name === model)?.name;
  }

  /** @param {string} model @returns {boolean} whether the server has a model of this name */
  isServed(model) {
    return this.#entries.some(({ name }) => name === model);
  }

  /** True if the server has several models, so that each answer names its own. */
  get areSeveral() {
    return this.#entries.length > 1;
  }

  /**
   * False if the server can't count tokens for the open conversation's model: it is not loaded, or behind another server
   * that doesn't tell (PROTOCOL 11). Older servers have only loaded ones.
   */
  get canCount() {
    const entry = this.#entry;
    if (entry === undefined) return true;
    return entry.state === "loaded" && (entry.template !== "upstream" || (entry.features ?? []).includes("context"));
  }

  /**
   * Check if the model is behind another server that can't be reached.
   * @param {string | undefined} model the open conversation's without it
   */
  isAway(model) {
    const entry = this.#entries.find(({ name }) => name === model) ?? this.#entry;
    return entry !== undefined && isUnreachable(entry);
  }

  /**
   * Check if a model has an optional part of the protocol (PROTOCOL 11).
   * @param {string} feature
   * @param {string | undefined} model the open conversation's without it
   */
  has(feature, model) {
    const entry = this.#entries.find(({ name }) => name === model) ?? this.#entry;
    return (entry?.features ?? this.#features).includes(feature);
  }

  /** @param {import("../protocol/messages.js").Welcome} welcome */
  greeted({ model, models = [], features = [] }) {
    this.#features = features;
    this.#default = `${model?.name} ${model?.context}`;
    this.#use(models);
  }

  /** @param {import("../protocol/messages.js").ModelChanged} changed */
  modelChanged({ type: _, deleted = false, default: isDefault = false, ...changed }) {
    const models = this.#entries.filter(({ name }) => name !== changed.name || !(deleted || isDefault));
    const index = models.findIndex(({ name }) => name === changed.name);
    if (index >= 0) models[index] = changed;
    else if (isDefault) models.unshift(changed);
    else if (!deleted) models.push(changed);
    this.#use(models);
  }

  /** @param {string} model name of the model for the next answers of the open conversation */
  choose(model) {
    this.#hooks.set({ ...this.#hooks.settings(), model });
  }

  /** @param {string | undefined} effort of thinking for the next answers of the open conversation; undefined: the model's default */
  chooseEffort(effort) {
    this.#hooks.set(tidied({ ...this.#hooks.settings(), reasoning_effort: effort ?? "" }));
  }

  /** Show the open conversation's model and its effort. */
  show() {
    const { model, reasoning_effort: effort } = this.#hooks.settings();
    this.#parts.modelPicker?.show(model);
    this.#parts.effortChoice?.show(this.#entry?.efforts ?? [], effort);
  }

  /** The open conversation's model. */
  get #entry() {
    const { model } = this.#hooks.settings();
    return this.#entries.find(({ name }) => name === model) ?? this.#entries[0];
  }

  /** @param {ModelEntry[]} models */
  #use(models) {
    const couldCount = this.canCount;
    this.#entries = models;
    if (this.canCount !== couldCount) this.#hooks.canCountChanged();
    this.#parts.arriving?.show(models);
    this.#parts.modelPicker?.offer(models);
    this.show();
    this.#hooks.changed(models);
  }
}
