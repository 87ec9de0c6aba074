/** Setting for the model's calls of functions: conversion between its value and its field. Pure. */

/** @typedef {import("../protocol/messages.js").Tool} Tool */
/** @typedef {import("../protocol/messages.js").ToolChoice} ToolChoice */
/** @typedef {import("./parameters.js").Parameter} Parameter */

/** Name of the setting. */
export const TOOL_CHOICE = "tool_choice";

/** Beginning of a field's value that names a function. No other value begins with it. */
const NAMED = "function:";

/** @type {Parameter} */
export const TOOL_CHOICE_FIELD = {
  name: TOOL_CHOICE,
  label: "Function calls",
  group: "Tools",
  kind: "choice",
  meaning: "Whether the model calls a function when it answers your next messages. It answers the results of a call as it decides.",
  standard: "Automatic",
};

/**
 * @param {Tool[]} tools
 * @returns {{value: string, label: string}[]} values of the field, with their words
 */
export function toolChoices(tools) {
  return [
    { value: "", label: "Automatic" },
    { value: "required", label: "Always call one" },
    { value: "none", label: "Never" },
    ...tools.map(({ function: { name } }) => ({ value: NAMED + name, label: `Always ${name}` })),
  ];
}

/**
 * @param {string} value of the field
 * @returns {ToolChoice | undefined} undefined: the model decides
 */
export function readToolChoice(value) {
  if (value.startsWith(NAMED)) return { type: "function", function: { name: value.slice(NAMED.length) } };
  return value === "required" || value === "none" ? value : undefined;
}

/**
 * @param {ToolChoice | undefined} choice
 * @returns {string} value of the field
 */
export function writeToolChoice(choice) {
  if (choice === undefined) return "";
  return typeof choice === "string" ? choice : NAMED + choice.function.name;
}

/**
 * @param {unknown} choice from the settings, the browser's storage or the server
 * @param {Tool[]} tools
 * @returns {ToolChoice | undefined} undefined if it is not one for these functions: one may have been removed or renamed
 */
export function validToolChoice(choice, tools) {
  if (tools.length === 0 || choice === null || choice === undefined) return undefined;
  if (choice === "required" || choice === "none") return choice;
  const name = /** @type {any} */ (choice).function?.name;
  return tools.some((tool) => tool.function.name === name) ? { type: "function", function: { name } } : undefined;
}

/** @param {ToolChoice} choice @returns {string} short enough for a chip */
export function describeToolChoice(choice) {
  if (choice === "none") return "No calls";
  return choice === "required" ? "Always calls one" : typeof choice === "string" ? "" : `Always ${choice.function.name}`;
}
