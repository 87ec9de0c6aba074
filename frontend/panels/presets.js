/** Named settings to choose from: three of ours, and a person's own, kept by the browser. */

import { readSettings, tidied } from "./settings.js";

/** @typedef {import("../guarded-storage.js").Keeping} Keeping */
/** @typedef {import("./settings.js").Settings} Settings */
/** @typedef {{name: string, meaning: string, settings: Settings, isOwn: boolean}} Preset */

export const KEY = "streamui.presets.v1";
export const MAX_PRESETS = 50;
export const MAX_NAME = 40;

/** What the built-in ones decide. They leave everything else, the system prompt too, as it is. */
const STYLE = ["temperature", "top_p", "top_k", "min_p", "typical_p", "top_n_sigma", "xtc_probability", "xtc_threshold"];

/** @type {Preset[]} */
const BUILT_IN = [
  builtIn("Balanced", "What the model recommends", {}),
  builtIn("Precise", "Sober, and nearly the same each time", { temperature: 0.2, top_p: 0.9 }),
  builtIn("Creative", "Freer in its choice of words", { temperature: 1.2, top_p: 0.98, min_p: 0.03 }),
];

/** Owns what is stored under its key. */
export class Presets {
  #storage;

  /** @param {Keeping} storage */
  constructor(storage) {
    this.#storage = storage;
  }

  /** @returns {Preset[]} */
  get all() {
    return [...BUILT_IN, ...this.#own];
  }

  /**
   * Keeps the settings under a name; an own preset of that name is replaced.
   * @param {string} name
   * @param {Settings} settings
   * @returns {string} what is wrong with the name, or ""
   */
  save(name, settings) {
    const trimmed = name.trim();
    const fault = this.#faultOf(trimmed);
    if (fault) return fault;
    const others = this.#own.filter((preset) => preset.name !== trimmed);
    this.#write([...others, own(trimmed, settings)]);
    return this.#own.some((preset) => preset.name === trimmed) ? "" : "This browser keeps nothing for this page; copy the settings instead.";
  }

  /** @param {string} name */
  remove(name) {
    this.#write(this.#own.filter((preset) => preset.name !== name));
  }

  /** @param {string} name */
  #faultOf(name) {
    if (name === "") return "Name: give the preset a name.";
    if ([...name].length > MAX_NAME) return `Name: use ${MAX_NAME} characters at most.`;
    if (BUILT_IN.some((preset) => preset.name.toLowerCase() === name.toLowerCase())) {
      return `Name: ${name} is a built-in preset; choose another name.`;
    }
    const isFull = this.#own.length >= MAX_PRESETS && !this.#own.some((preset) => preset.name === name);
    return isFull ? `There are ${MAX_PRESETS} presets already; delete one first.` : "";
  }

  /** @returns {Preset[]} */
  get #own() {
    const stored = this.#storage.read(KEY);
    if (!Array.isArray(stored)) return [];
    const named = stored.filter((each) => typeof each?.name === "string" && each.name !== "");
    return named.slice(0, MAX_PRESETS).map(({ name, settings }) => own(name, readSettings(settings)));
  }

  /** @param {Preset[]} presets */
  #write(presets) {
    this.#storage.write(KEY, presets.map(({ name, settings }) => ({ name, settings })));
  }
}

/**
 * @param {Preset} preset
 * @param {Settings} settings what holds now
 * @returns {Settings} what holds with the preset
 */
export function applied(preset, settings) {
  if (preset.isOwn) return tidied(preset.settings);
  const rest = Object.entries(settings.params ?? {}).filter(([name]) => !STYLE.includes(name));
  return tidied({ ...settings, params: { ...Object.fromEntries(rest), ...preset.settings.params } });
}

/**
 * @param {Preset} preset
 * @param {Settings} settings
 * @returns {boolean} whether the preset would change nothing
 */
export function isInForce(preset, settings) {
  return sorted(applied(preset, settings)) === sorted(tidied(settings));
}

/** @param {Settings} settings */
function sorted({ system, params = {} }) {
  return JSON.stringify([system, Object.entries(params).sort(([one], [other]) => (one < other ? -1 : 1))]);
}

/**
 * @param {string} name
 * @param {string} meaning
 * @param {import("./settings.js").Params} params
 * @returns {Preset}
 */
function builtIn(name, meaning, params) {
  return { name, meaning, settings: { params }, isOwn: false };
}

/**
 * @param {string} name
 * @param {Settings} settings
 * @returns {Preset}
 */
function own(name, settings) {
  return { name, meaning: "Your own preset", settings: tidied(settings), isOwn: true };
}
