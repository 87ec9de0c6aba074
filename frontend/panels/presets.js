/** Named settings: three built-in presets, and the user's own in the browser's storage. */

import { PARAMETERS } from "./parameters.js";
import { readSettings, tidied } from "./settings.js";

/** @typedef {import("../guarded-storage.js").Keeping} Keeping */
/** @typedef {import("./settings.js").Settings} Settings */
/** @typedef {{name: string, meaning: string, settings: Settings, isOwn: boolean}} Preset */

export const KEY = "streamui.presets.v1";
export const MAX_PRESETS = 50;
export const MAX_NAME = 40;

/** Parameters that a built-in preset sets. It leaves all others and the system prompt as they are. */
const STYLE = PARAMETERS.filter(({ isStyle }) => isStyle).map(({ name }) => name);

/** @type {Preset[]} */
const BUILT_IN = [
  builtIn("Balanced", "The model's own choice", {}),
  builtIn("Precise", "Focused, and nearly the same each time", { temperature: 0.2, top_p: 0.9 }),
  builtIn("Creative", "Surprising, with a freer choice of words", { temperature: 1.2, top_p: 0.98, min_p: 0.03 }),
];

/** All presets. Owns the value under KEY in the browser's storage. */
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
   * Store the settings under a name. A preset of the user's with that name is replaced.
   * @param {string} name
   * @param {Settings} settings
   * @returns {string} an error, or ""
   */
  save(name, settings) {
    const trimmed = name.trim();
    const fault = this.#faultOf(trimmed);
    if (fault) return fault;
    const others = this.#own.filter((preset) => preset.name !== trimmed);
    this.#write([...others, own(trimmed, settings)]);
    return this.#own.some((preset) => preset.name === trimmed) ? "" : "This browser can't save presets. Copy the settings instead.";
  }

  /**
   * @param {string} name
   * @returns {() => void} function that restores it at its old position
   */
  remove(name) {
    const before = this.#own;
    const index = before.findIndex((preset) => preset.name === name);
    this.#write(before.filter((preset) => preset.name !== name));
    return () => this.#write(this.#own.filter((preset) => preset.name !== name).toSpliced(index, 0, ...before.slice(index, index + 1)));
  }

  /** @param {string} name */
  #faultOf(name) {
    if (name === "") return "Enter a name.";
    if ([...name].length > MAX_NAME) return `Use at most ${MAX_NAME} characters.`;
    if (BUILT_IN.some((preset) => preset.name.toLowerCase() === name.toLowerCase())) {
      return `${name} is a built-in preset. Choose another name.`;
    }
    const isFull = this.#own.length >= MAX_PRESETS && !this.#own.some((preset) => preset.name === name);
    return isFull ? `You have ${MAX_PRESETS} presets. Delete one first.` : "";
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
 * @param {Settings} settings the current ones
 * @returns {Settings} the current ones with the preset applied
 */
export function applied(preset, settings) {
  if (preset.isOwn) return tidied({ ...settings, system: "", params: {}, ...preset.settings });
  const rest = Object.entries(settings.params ?? {}).filter(([name]) => !STYLE.includes(name));
  return tidied({ ...settings, params: { ...Object.fromEntries(rest), ...preset.settings.params } });
}

/**
 * Find the preset that equals the settings. If several do, the one chosen last comes first, then the user's own, since
 * they include every setting.
 * @param {Preset[]} presets
 * @param {Settings} settings
 * @param {string} [chosen] name of the preset that was chosen last
 * @returns {Preset | undefined}
 */
export function currentPreset(presets, settings, chosen) {
  const equal = presets.filter((preset) => sorted(applied(preset, settings)) === sorted(tidied(settings)));
  return equal.find(({ name }) => name === chosen) ?? equal.find(({ isOwn }) => isOwn) ?? equal[0];
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
  return { name, meaning: "Your preset", settings: tidied({ ...settings, model: undefined }), isOwn: true };
}
