/** The page's words for tokens and their alternatives. Pure. */

/** @typedef {import("../protocol/messages.js").Alternative} Alternative */

/** Names of tokens that show nothing. */
const UNSEEN = new Map([
  ["", "nothing"],
  [" ", "space"],
  ["\n", "line break"],
  ["\n\n", "two line breaks"],
  ["\t", "tab"],
]);
const percent = new Intl.NumberFormat("en", { maximumSignificantDigits: 2 });

export const WAITING = "Looking up the alternatives…";
export const OFFLINE = "There's no connection to the server. Choose the token again once you're back online.";
export const FORGOTTEN = "The server no longer has the tokens of this answer. Regenerate it to explore it.";
export const CHANGED = "This answer was changed after it was written. Regenerate it to explore it.";
export const UNREACHED = "The tokens of this answer couldn't be read. Try again.";
export const BUSY = "The server is busy. Choose the token again in a moment.";

/**
 * Name a token for a screen reader.
 * @param {number} index from 0; `count` for the place after the last token
 * @param {string} text
 * @param {{count: number, logprob?: number}} facts logprob: if it is known
 */
export function tokenName(index, text, { count, logprob }) {
  const name = index === count ? "End of the answer" : `Token ${index + 1}: ${spoken(text)}`;
  return logprob === undefined ? name : `${name}, ${probability(logprob)}`;
}

/** @param {string} text of a token, as a screen reader says it */
export function spoken(text) {
  return UNSEEN.get(text) ?? (text.trim() === "" ? "white space" : text.trim());
}

/** @param {Alternative} alternative @returns {string} as a screen reader says it */
export function spokenAlternative(alternative) {
  return nameOfNoText(alternative) ?? spoken(alternative.token);
}

/** @param {Alternative} alternative @returns {string} as a list shows it: its spaces and line ends are visible */
export function visibleAlternative(alternative) {
  return nameOfNoText(alternative) ?? alternative.token.replaceAll(" ", "␣").replaceAll("\n", "↵").replaceAll("\t", "⇥");
}

/** @param {Alternative} alternative @returns {string | undefined} undefined for text */
function nameOfNoText({ token, bytes, end }) {
  if (end) return "End of the answer";
  return bytes || token === "" ? "Part of a character" : undefined;
}

/**
 * @param {number} logprob natural logarithm of a probability
 * @returns {string} such as "42 %"
 */
export function probability(logprob) {
  const part = Math.exp(logprob) * 100;
  return part < 0.1 ? "< 0.1 %" : `${percent.format(part)} %`;
}

/**
 * Return the reason why the alternatives of a token are not known.
 * @param {string} code of the server's error
 */
export function unknownWords(code) {
  if (code === "unknown_id") return FORGOTTEN;
  if (code === "unsupported") return "The model of this answer can't show alternatives now. It may not be loaded.";
  if (code === "busy" || code === "rate_limited") return BUSY;
  return "The alternatives couldn't be computed. Choose the token again.";
}
