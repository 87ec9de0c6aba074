/**
 * Text that can leave the page. A string of JavaScript may hold half of a surrogate pair, which no UTF-8 can carry: the
 * server refuses the whole frame or body (PROTOCOL 2.3).
 */

/** Matches what is no half of a pair only where the pattern works on code points. */
const LONE_SURROGATES = /\p{Surrogate}/gu;
const REPLACEMENT = "\ufffd";

/**
 * @param {string} text
 * @returns {string} the same with U+FFFD in place of each lone surrogate
 */
export function wellFormed(text) {
  return text.replace(LONE_SURROGATES, REPLACEMENT);
}

/**
 * @param {unknown} value
 * @returns {string} JSON, well-formed in every string and key
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
