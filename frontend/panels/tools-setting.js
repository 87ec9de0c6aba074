/** Setting with the functions that the model may call: conversion between its value and the text of its field. Pure. */

/** @typedef {import("./parameters.js").Parameter} Parameter */
/** @typedef {import("./parameter-text.js").Reading} Reading */
/** @typedef {import("../protocol/messages.js").Tool} Tool */

const MOST = 128;
const NAME = /^[\w.-]{1,128}$/;

/** Name of the tools among the settings. */
export const TOOLS = "tools";

/** @type {Parameter} */
export const TOOLS_FIELD = {
  name: TOOLS,
  label: "Functions",
  group: "Tools",
  kind: "tools",
  meaning:
    "Functions the model may call, as JSON: a list of {\"name\", \"description\", \"parameters\"}, with a JSON schema as parameters. " +
    "When the model calls one, you type in its result.",
  standard: "None",
  maxItems: MOST,
};

/**
 * @param {string} text JSON: a function, or a list of them, also in the form of OpenAI's API
 * @returns {Reading}
 */
export function readTools(text) {
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    return { problem: "Not valid JSON" };
  }
  const list = Array.isArray(value) ? value : [value];
  if (list.length > MOST) return { problem: `Too many functions: ${list.length} of ${MOST}` };
  const tools = [];
  for (const [index, each] of list.entries()) {
    const given = each?.function ?? each;
    const problem = problemOf(given, index + 1, tools);
    if (problem !== "") return { problem };
    const { name, description, parameters, strict } = given;
    tools.push({ type: "function", function: { name, description, parameters, strict } });
  }
  return { value: tools.length === 0 ? undefined : withoutEmpty(tools) };
}

/**
 * @param {Tool[] | undefined} tools
 * @returns {string} text that `readTools` reads as this value
 */
export function writeTools(tools) {
  return JSON.stringify((tools ?? []).map((tool) => tool.function), null, 2);
}

/**
 * @param {any} given
 * @param {number} number
 * @param {{function: {name: string}}[]} before
 * @returns {string} "" if the function is valid
 */
function problemOf(given, number, before) {
  if (typeof given !== "object" || given === null) return `Function ${number} must be a JSON object: {…}`;
  const { name, description, parameters } = given;
  if (typeof name !== "string" || !NAME.test(name)) return `Function ${number} needs a name of letters, digits, “_”, “-” and “.”`;
  if (before.some((tool) => tool.function.name === name)) return `Two functions have the name “${name}”`;
  if (description !== undefined && typeof description !== "string") return `The description of “${name}” must be a text`;
  const isObject = typeof parameters === "object" && parameters !== null && !Array.isArray(parameters);
  return parameters === undefined || isObject ? "" : `The parameters of “${name}” must be a JSON object: {…}`;
}

/** @param {unknown} tools */
function withoutEmpty(tools) {
  return JSON.parse(JSON.stringify(tools));
}
