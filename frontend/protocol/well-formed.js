/**
 * Replacement of lone surrogates. A JavaScript string may contain half of a surrogate pair, which UTF-8 can't encode:
 * the server refuses the whole frame or body (PROTOCOL 2.3).
 */

/** The flag `u` makes the pattern work on code points, so that it doesn't match the halves of a pair. */
const LONE_SURROGATES = /\p{Surrogate}/gu;
const REPLACEMENT = "\ufffd";

/**
 * @param {string} text
 * @returns {string} text with U+FFFD in place of each lone surrogate
 */
export function wellFormed(text) {
  return text.replace(LONE_SURROGATES, REPLACEMENT);
}

/**
 * @param {unknown} value
 * @returns {string} JSON without lone surrogates in any string or key
 */
export function wellFormedJson(value) {
  const json = JSON.stringify(value);
  // JSON.stringify writes a lone surrogate as an escape, and nothing else that begins with \ud.
  return /\\ud/i.test(json) ? JSON.stringify(value, repaired) : json;
}

/**
 * @param {string} _key
 * @param {unknown} value
 */
function repaired(_key, value) {
  if (typeof value === "string") return wellFormed(value);
  if (value === null || typeof value !== "object" || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [wellFormed(key), inner]));
}
