/** Conversion between a parameter's value and the text in its field, with a short error for invalid text. */

import { describeRange } from "./parameters.js";
import { readToolChoice, writeToolChoice } from "./tool-choice.js";
import { readTools, writeTools } from "./tools-setting.js";

/** @typedef {import("./parameters.js").Parameter} Parameter */
/** @typedef {{value: unknown} | {problem: string}} Reading value undefined: the default; problem: without a full stop */

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const GROUPED = /^[+-]?\d{1,3}(,\d{3})+$/;
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
    case "tools":
      return readTools(text);
    case "choice":
      return { value: readToolChoice(text) };
    default:
      // Input methods for Chinese and Japanese type full-width digits, and some phones type a longer minus sign.
      return readNumber(parameter, text.normalize("NFKC").replace("−", "-").trim());
  }
}

/**
 * @param {Parameter} parameter
 * @param {unknown} value
 * @returns {string} text that `readParameter` reads as this value
 */
export function writeParameter({ kind }, value) {
  if (value === undefined || value === null) return "";
  if (kind === "strings") return /** @type {string[]} */ (value).map(escapeLine).join("\n");
  if (kind === "tools") return writeTools(/** @type {any} */ (value));
  if (kind === "choice") return writeToolChoice(/** @type {any} */ (value));
  return kind === "object" ? JSON.stringify(value, null, 2) : String(value);
}

/**
 * @param {Parameter} parameter
 * @param {string} text
 * @returns {Reading}
 */
function readNumber(parameter, text) {
  if (GROUPED.test(text) && parameter.kind === "integer") return { problem: `Leave out the commas: ${text.replaceAll(",", "")}` };
  if (/^[+-]?\d+,\d+$/.test(text)) return { problem: `Use a point: ${text.replace(",", ".")}` };
  if (!NUMBER.test(text)) return { problem: `Must be a number, ${describeRange(parameter)}` };
  const value = Number(text);
  const { minimum = -Infinity, above = -Infinity, maximum = Infinity } = parameter;
  if (value < minimum || value <= above) return { problem: `Must be ${describeRange(parameter)}` };
  if (value > maximum) return { problem: `Must be ${describeRange(parameter, true)}` };
  if (parameter.kind === "integer" && !Number.isInteger(value)) return { problem: "Must be a whole number" };
  return { value };
}

/**
 * @param {Parameter} parameter
 * @param {string} text
 * @returns {Reading}
 */
function readStrings({ maxItems = Infinity, maxLength = Infinity }, text) {
  const lines = text.split("\n").filter((line) => line !== "").map(unescapeLine);
  if (lines.length > maxItems) return { problem: `Too many lines: ${lines.length} of ${maxItems}` };
  const long = lines.find((line) => [...line].length > maxLength);
  return long === undefined ? { value: lines } : { problem: `Max ${maxLength} characters per line: “${shortened(long)}”` };
}

/**
 * @param {Parameter} parameter
 * @param {string} text
 * @returns {Reading}
 */
function readObject(parameter, text) {
  let value;
  try {
    value = JSON.parse(text);
  } catch {
    return { problem: "Not valid JSON" };
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return { problem: "Must be a JSON object: {…}" };
  const { maxBytes = Infinity } = parameter;
  const isTooLong = new TextEncoder().encode(JSON.stringify(value)).length > maxBytes;
  if (isTooLong) return { problem: `Too long: ${describeRange(parameter)}` };
  return parameter.hasNumbers ? readNumbers(parameter, value) : { value };
}

/**
 * @param {Parameter} parameter
 * @param {Record<string, unknown>} value
 * @returns {Reading}
 */
function readNumbers({ minimum = -Infinity, maximum = Infinity, maxItems = Infinity }, value) {
  const entries = Object.entries(value);
  if (entries.length > maxItems) return { problem: `Too many tokens: ${entries.length.toLocaleString("en")} of ${maxItems.toLocaleString("en")}` };
  for (const [key, bias] of entries) {
    if (!TOKEN_ID.test(key)) return { problem: `“${shortened(key)}” is not a token id. Use digits only` };
    if (typeof bias !== "number" || bias < minimum || bias > maximum) return { problem: `Token ${key} must be ${minimum} to ${maximum}` };
  }
  return { value };
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
