/** Settings of one conversation: the system prompt and the sampling parameters. */

import { readParameter, writeParameter } from "./parameter-text.js";
import { PARAMETERS } from "./parameters.js";
import { validToolChoice } from "./tool-choice.js";
import { readTools } from "./tools-setting.js";

/** @typedef {import("../guarded-storage.js").Keeping} Keeping */
/** @typedef {Record<string, unknown>} Params by the protocol's names; a missing one is at the model's or the server's default */
/** @typedef {{system?: string, params?: Params, model?: string, truncation?: "auto" | "disabled", reasoning_effort?: string, tools?: import("../protocol/messages.js").Tool[], tool_choice?: import("../protocol/messages.js").ToolChoice}} Settings */

export const KEY = "streamui.settings.v1";

/**
 * @param {Settings} settings
 * @returns {Settings} without empty values, and without a choice of a function that is not among the tools
 */
export function tidied({ system = "", params = {}, model, truncation, reasoning_effort: effort, tools = [], tool_choice }) {
  const choice = validToolChoice(tool_choice, tools);
  const given = Object.entries(params).filter(([, value]) => value !== undefined && value !== null);
  return {
    ...(system.trim() === "" ? {} : { system }),
    ...(given.length === 0 ? {} : { params: Object.fromEntries(given) }),
    ...(model ? { model } : {}),
    ...(truncation ? { truncation } : {}),
    ...(effort ? { reasoning_effort: effort } : {}),
    ...(tools.length === 0 ? {} : { tools }),
    ...(choice ? { tool_choice: choice } : {}),
  };
}

/**
 * @param {unknown} value from the browser's storage or a file
 * @returns {Settings} its valid parts
 */
export function readSettings(value) {
  const { system, params } = /** @type {{system?: unknown, params?: any}} */ (value ?? {});
  const valid = PARAMETERS.filter((parameter) => isValid(parameter, params?.[parameter.name]));
  return tidied({
    system: typeof system === "string" ? system : "",
    params: Object.fromEntries(valid.map(({ name }) => [name, params[name]])),
  });
}

/** Settings for new chats, in the browser's storage. Owns the value under KEY. */
export class KeptSettings {
  #storage;

  /** @param {Keeping} storage */
  constructor(storage) {
    this.#storage = storage;
  }

  get settings() {
    const kept = this.#storage.read(KEY);
    const { model, reasoning_effort: effort, tools, tool_choice } = /** @type {{model?: unknown, reasoning_effort?: unknown, tools?: unknown, tool_choice?: any}} */ (kept ?? {});
    const reading = Array.isArray(tools) ? readTools(JSON.stringify(tools)) : { value: [] };
    const functions = "value" in reading ? /** @type {Settings} */ (tidied({ tools: /** @type {Settings["tools"]} */ (reading.value), tool_choice })) : {};
    return { ...readSettings(kept), ...functions, ...(typeof model === "string" ? { model } : {}), ...(typeof effort === "string" ? { reasoning_effort: effort } : {}) };
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
