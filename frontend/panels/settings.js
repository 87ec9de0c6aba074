/** How one conversation is answered: a system prompt and sampling parameters. */

import { readParameter, writeParameter } from "./parameter-text.js";
import { PARAMETERS } from "./parameters.js";

/** @typedef {import("../guarded-storage.js").Keeping} Keeping */
/** @typedef {Record<string, unknown>} Params by the protocol's names; what is missing is up to the model or the server */
/** @typedef {{system?: string, params?: Params, truncation?: "auto" | "disabled"}} Settings */

export const KEY = "streamui.settings.v1";

/**
 * @param {Settings} settings
 * @returns {Settings} without what says nothing
 */
export function tidied({ system = "", params = {}, truncation }) {
  const given = Object.entries(params).filter(([, value]) => value !== undefined && value !== null);
  return {
    ...(system.trim() === "" ? {} : { system }),
    ...(given.length === 0 ? {} : { params: Object.fromEntries(given) }),
    ...(truncation ? { truncation } : {}),
  };
}

/**
 * @param {unknown} value from a storage or another person
 * @returns {Settings} what is valid of it
 */
export function readSettings(value) {
  const { system, params } = /** @type {{system?: unknown, params?: any}} */ (value ?? {});
  const valid = PARAMETERS.filter((parameter) => isValid(parameter, params?.[parameter.name]));
  return tidied({
    system: typeof system === "string" ? system : "",
    params: Object.fromEntries(valid.map(({ name }) => [name, params[name]])),
  });
}

/** Settings as the browser keeps them. Owns what is stored under its key. */
export class KeptSettings {
  #storage;

  /** @param {Keeping} storage */
  constructor(storage) {
    this.#storage = storage;
  }

  get settings() {
    return readSettings(this.#storage.read(KEY));
  }

  /** @param {Settings} settings */
  set(settings) {
    this.#storage.write(KEY, tidied(settings));
  }
}

/**
 * @param {import("./parameters.js").Parameter} parameter
 * @param {unknown} value
 */
function isValid(parameter, value) {
  if (value === undefined || value === null) return false;
  if (parameter.kind === "strings") {
    if (!Array.isArray(value) || !value.every((each) => typeof each === "string" && each !== "")) return false;
  } else if (typeof value !== (parameter.kind === "object" ? "object" : "number")) return false;
  const reading = readParameter(parameter, writeParameter(parameter, value));
  return "value" in reading && reading.value !== undefined;
}
