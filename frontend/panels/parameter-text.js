/** Between a parameter's value and the text that a person writes for it, with a sentence for whatever is wrong. */

import { describeRange } from "./parameters.js";

/** @typedef {import("./parameters.js").Parameter} Parameter */
/** @typedef {{value: unknown} | {problem: string}} Reading value undefined stands for the default */

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const TOKEN_ID = /^\d{1,10}$/;

/**
 * @param {Parameter} parameter
 * @param {string} text
 * @returns {Reading}
 */
export function readParameter(parameter, text) {
  if (text.trim() === "") return { value: undefined };
  switch (parameter.kind) {
    case "strings":
      return readStrings(parameter, text);
    case "object":
      return readObject(parameter, text);
    default:
      return readNumber(parameter, text.trim());
  }
}

/**
 * @param {Parameter} parameter
 * @param {unknown} value
 * @returns {string} what `readParameter` reads as this value
 */
export function writeParameter({ kind }, value) {
  if (value === undefined || value === null) return "";
  if (kind === "strings") return /** @type {string[]} */ (value).map(escapeLine).join("\n");
  return kind === "object" ? JSON.stringify(value, null, 2) : String(value);
}

/**
 * @param {Parameter} parameter
 * @param {string} text
 * @returns {Reading}
 */
function readNumber(parameter, text) {
  if (/^[+-]?\d+,\d+$/.test(text)) return problem(parameter, `${text} has a comma; write ${text.replace(",", ".")}`);
  if (!NUMBER.test(text)) return problem(parameter, `“${shortened(text)}” is no number; ${remedy(parameter)}`);
  const value = Number(text);
  if (parameter.kind === "integer" && !Number.isSafeInteger(value)) {
    return problem(parameter, `${text} is no whole number; ${remedy(parameter)}`);
  }
  const fault = outOfRange(parameter, value);
  return fault ? problem(parameter, `${text} is ${fault}; ${remedy(parameter)}`) : { value };
}

/**
 * @param {Parameter} parameter
 * @param {number} value
 * @returns {string} "" where it is within the range
 */
function outOfRange({ minimum = -Infinity, above = -Infinity, maximum = Infinity }, value) {
  if (value > maximum) return "too high";
  return value < minimum || value <= above ? "too low" : "";
}

/**
 * @param {Parameter} parameter
 * @param {string} text
 * @returns {Reading}
 */
function readStrings(parameter, text) {
  const { maxItems = Infinity, maxLength = Infinity } = parameter;
  const lines = text.split("\n").filter((line) => line !== "").map(unescapeLine);
  if (lines.length > maxItems) return problem(parameter, `${lines.length} lines are too many; keep ${maxItems} at most`);
  const long = lines.find((line) => [...line].length > maxLength);
  if (long === undefined) return { value: lines };
  return problem(parameter, `“${shortened(long)}” is too long; a line has ${maxLength} characters at most`);
}

/**
 * @param {Parameter} parameter
 * @param {string} text
 * @returns {Reading}
 */
function readObject(parameter, text) {
  const { maxBytes = Infinity } = parameter;
  let value;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return problem(parameter, `this is no JSON (${/** @type {Error} */ (error).message}); mend it, or leave it empty`);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return problem(parameter, `a JSON object is needed, in braces: ${remedy(parameter)}`);
  }
  if (new TextEncoder().encode(JSON.stringify(value)).length > maxBytes) {
    return problem(parameter, `this is too long; ${remedy(parameter)}`);
  }
  return parameter.hasNumbers ? readNumbers(parameter, value) : { value };
}

/**
 * @param {Parameter} parameter
 * @param {Record<string, unknown>} value
 * @returns {Reading}
 */
function readNumbers(parameter, value) {
  const { maxItems = Infinity } = parameter;
  const entries = Object.entries(value);
  if (entries.length > maxItems) return problem(parameter, `${entries.length} tokens are too many; ${remedy(parameter)}`);
  for (const [key, bias] of entries) {
    if (!TOKEN_ID.test(key)) return problem(parameter, `“${shortened(key)}” is no token id; use digits only`);
    if (typeof bias !== "number" || outOfRange(parameter, bias)) {
      return problem(parameter, `token ${key} needs a number from ${parameter.minimum} to ${parameter.maximum}`);
    }
  }
  return { value };
}

/**
 * @param {Parameter} parameter
 * @param {string} sentence
 * @returns {Reading}
 */
function problem({ label }, sentence) {
  return { problem: `${label}: ${sentence}.` };
}

/** @param {Parameter} parameter */
function remedy(parameter) {
  return `give ${describeRange(parameter)}, or leave it empty for the default`;
}

/** @param {string} text */
function shortened(text) {
  return text.length > 40 ? `${text.slice(0, 40)}…` : text;
}

/** @param {string} line */
function escapeLine(line) {
  return line.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll("\t", "\\t");
}

/** @param {string} line */
function unescapeLine(line) {
  return line.replace(/\\([\\nt])/g, (_, letter) => (letter === "n" ? "\n" : letter === "t" ? "\t" : "\\"));
}
