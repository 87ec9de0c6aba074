/** Settings of a conversation that differ from the defaults, each with a short label. */

import { PARAMETERS } from "./parameters.js";
import { tidied } from "./settings.js";
import { TOOL_CHOICE, describeToolChoice } from "./tool-choice.js";
import { TOOLS } from "./tools-setting.js";

/** @typedef {import("./settings.js").Settings} Settings */
/**
 * @typedef {object} ChangedSetting
 * @property {string} name of a sampling parameter, SYSTEM, TOOLS or TOOL_CHOICE
 * @property {string} label short enough for a chip: "System prompt", "Max 200 tokens", "Temperature 1.5"
 */

/** Name of the system prompt among the settings. */
export const SYSTEM = "system";

/**
 * @param {Settings} settings
 * @returns {ChangedSetting[]} in the order of the settings panel
 */
export function changedSettings(settings) {
  const { system, params = {}, tools = [], tool_choice: choice } = tidied(settings);
  const changed = PARAMETERS.filter(({ name }) => name in params);
  return [
    ...(system ? [{ name: SYSTEM, label: "System prompt" }] : []),
    ...changed.map((parameter) => ({ name: parameter.name, label: describe(parameter, params[parameter.name]) })),
    ...(tools.length > 0 ? [{ name: TOOLS, label: tools.length === 1 ? "1 tool" : `${tools.length} tools` }] : []),
    ...(choice ? [{ name: TOOL_CHOICE, label: describeToolChoice(choice) }] : []),
  ];
}

/**
 * @param {Settings} settings
 * @param {string} name of a sampling parameter, SYSTEM, TOOLS or TOOL_CHOICE
 * @returns {Settings} with this one at its default
 */
export function withoutSetting(settings, name) {
  if (name === SYSTEM) return tidied({ ...settings, system: "" });
  if (name === TOOLS) return tidied({ ...settings, tools: [] });
  if (name === TOOL_CHOICE) return tidied({ ...settings, tool_choice: undefined });
  return tidied({ ...settings, params: { ...settings.params, [name]: undefined } });
}

/**
 * @param {import("./parameters.js").Parameter} parameter
 * @param {unknown} value
 */
function describe({ chip, label, kind }, value) {
  if (chip) return chip.replace("#", Number(value).toLocaleString("en"));
  return kind === "number" || kind === "integer" ? `${label} ${value}` : label;
}
