/**
 * The sampling parameters as the settings show them: range, control and words of each. The rows of the settings, their
 * errors and the chips at the composer are built from them.
 */

export { GROUPS, PARAMETERS } from "./parameter-table.js";

/** @typedef {"number" | "integer" | "strings" | "object" | "tools" | "choice"} ParameterKind strings: one on each line; object and tools: JSON text; choice: one of a list */
/** @typedef {{from: number, to: number, step: number}} Slider usual values; the field accepts all others in the range */
/**
 * @typedef {object} Parameter
 * @property {string} name name in the protocol
 * @property {string} label
 * @property {string} group title of its group in the settings
 * @property {ParameterKind} kind
 * @property {string} meaning shown on demand
 * @property {string} standard default if the model recommends none; a number unless the default is shown in words
 * @property {Slider} [slider]
 * @property {string} [chip] short label of a set value, with # for the value; otherwise the label and a number
 * @property {number} [minimum]
 * @property {number} [above] exclusive minimum
 * @property {number} [maximum]
 * @property {number} [minItems]
 * @property {number} [maxItems] of strings, or of an object's entries
 * @property {number} [maxLength] of each string, in characters
 * @property {number} [maxBytes] of JSON text, in UTF-8
 * @property {boolean} [hasNumbers] whether an object's keys are token ids and its values numbers in the range
 * @property {boolean} [isStyle] whether the built-in presets set it, or reset it to its default
 */

/** Smallest maximum that is only a limit of the number format. Descriptions of a range leave such a maximum out. */
const WHOLE = 2 ** 31 - 1;

/**
 * @param {Parameter} parameter
 * @param {boolean} [isExact] whether to name the limit of the number format as well
 * @returns {string} the valid values, as in "Must be 0–2"
 */
export function describeRange({ kind, minimum = 0, above, maximum = 0, maxItems, maxLength, maxBytes = 0, hasNumbers }, isExact = false) {
  if (kind === "tools") return `up to ${maxItems} functions`;
  if (kind === "strings") return `up to ${maxItems} lines of ${maxLength} characters`;
  if (hasNumbers) return `up to ${grouped(maxItems)} tokens, each ${minimum} to ${maximum}`;
  if (kind === "object") return `up to ${maxBytes / 1024} KiB`;
  if (above !== undefined) return `above ${above}, up to ${maximum}`;
  if (maximum >= WHOLE && !isExact) return `${minimum} or more`;
  return minimum < 0 ? `${minimum} to ${grouped(maximum)}` : `${minimum}–${grouped(maximum)}`;
}

/** @param {number} [value] */
function grouped(value = 0) {
  return value.toLocaleString("en");
}
