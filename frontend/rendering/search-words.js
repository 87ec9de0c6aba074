/**
 * Search for the words of a query in a text, by the same rules as the server (`server/conversations/search_text.py`): a
 * word matches by its beginning, regardless of case and accents; symbols, emoji and words of scripts without spaces
 * match anywhere. Pure functions. `tests/search-cases.json` tests both implementations.
 */

/** Letters of scripts without spaces, or with compounds: each character is a word of its own. */
const LETTERS =
  "\\u1100-\\u11ff\\u2e80-\\u2fdf\\u3005-\\u3007\\u3021-\\u3029\\u3031-\\u3035\\u303b\\u3041-\\u3096\\u309d-\\u309f" +
  "\\u30a1-\\u30fa\\u30fc-\\u30ff\\u3100-\\u318f\\u31a0-\\u31bf\\u31f0-\\u31ff\\u3400-\\u4dbf\\u4e00-\\ua4cf\\ua960-\\ua97f" +
  "\\uac00-\\ud7ff\\uf900-\\ufaff\\uff66-\\uffdc\\u{1b000}-\\u{1b16f}\\u{20000}-\\u{3ffff}";
/** Signs that are words of their own: scripts with vowel signs, symbols and emoji. */
const SIGNS =
  "\\u00a2-\\u00a5\\u00a9\\u00ae\\u0900-\\u109f\\u1700-\\u17ff\\u1950-\\u19ff\\u1a20-\\u1aaf\\u1b00-\\u1c4f\\u203c\\u2049" +
  "\\u20a0-\\u20cf\\u2122\\u2139\\u2190-\\u24ff\\u25a0-\\u2bff\\u3030\\u303d\\u3297\\u3299\\ua800-\\ua82f\\ua880-\\ua95f" +
  "\\ua980-\\uaadf\\uabc0-\\uabff\\u{1f000}-\\u{1f3fa}\\u{1f400}-\\u{1faff}";
/** Characters that are ignored: vowel points, joiners, variants and skin tones. */
const DROPPED =
  "\\u00ad\\u0591-\\u05bd\\u05bf\\u05c1\\u05c2\\u05c4\\u05c5\\u05c7\\u0610-\\u061a\\u0640\\u064b-\\u065f\\u0670\\u06d6-\\u06dc" +
  "\\u06df-\\u06e4\\u06e7\\u06e8\\u06ea-\\u06ed\\u200b-\\u200f\\u2060\\u20e3\\ufe00-\\ufe0f\\ufeff\\u{1f3fb}-\\u{1f3ff}" +
  "\\u{e0020}-\\u{e007f}\\u{e0100}-\\u{e01ef}";

const MOST_WORDS = 16;
const IGNORED = "\u034f";
const JOINER = "\u200d";

const WORD = "\\p{L}\\p{N}";
const SPACED = `(?!${oneOf(LETTERS, SIGNS)})${oneOf(WORD)}`;
const GAP = `(?:(?!${oneOf(SIGNS, WORD)})[^])*`;
const ALONE = new RegExp(oneOf(LETTERS, SIGNS), "u");
const NO_MATTER = new RegExp(oneOf(DROPPED, "\\p{Mn}\\p{Me}"), "u");
const RUN = new RegExp(`${oneOf(WORD, SIGNS)}${oneOf(WORD, SIGNS, "_")}*`, "gu");
const TOKEN = new RegExp(`${oneOf(LETTERS, SIGNS)}|(?:${SPACED})+`, "gu");
const CONTINUES = new RegExp(oneOf("\\p{Mn}\\p{Me}\\p{Mc}\\u{1f3fb}-\\u{1f3ff}\\u200d"), "u");
const FLAG = /^[\u{1f1e6}-\u{1f1ff}]/u;

/**
 * Return a pattern for each word of a query; a query without words, such as `%`, becomes one pattern.
 * @param {string} query
 * @returns {RegExp[]} for folded text
 */
export function wordsOf(query) {
  const text = query.normalize("NFC").trim();
  const runs = text.replace(new RegExp(oneOf(DROPPED), "gu"), "").match(RUN) ?? [];
  const patterns = runs.length > 0 ? runs.slice(0, MOST_WORDS).map(pattern) : text === "" ? [] : [escaped(folded(text))];
  return patterns.map((source) => new RegExp(source, "gu"));
}

/**
 * Find the words in a text, in order and without overlaps. No hit cuts a character of several code points.
 * @param {string} text
 * @param {RegExp[]} words
 * @returns {[begin: number, end: number, word: number][]}
 */
export function hitsIn(text, words) {
  const looked = folded(text);
  /** @type {[number, number, number][]} */
  const hits = words.flatMap((word, number) => {
    return [...looked.matchAll(word)].map(({ 0: found, index }) => [...whole(text, index, index + found.length), number]);
  });
  hits.sort(([a], [b]) => a - b);
  let last = 0;
  return hits.filter(([begin, end]) => begin >= last && (last = end) > begin);
}

/** Return a regular expression for one character of these ranges. @param {string[]} ranges */
function oneOf(...ranges) {
  return `[${ranges.join("")}]`;
}

/** Remove case and accents. Each character keeps its length, so that offsets stay valid. @param {string} text */
function folded(text) {
  const narrow = text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
  return narrow.replace(/[^\0-\x7f]/gu, foldedCharacter);
}

/** @param {string} char */
function foldedCharacter(char) {
  if (ALONE.test(char)) return char;
  if (NO_MATTER.test(char)) return IGNORED.repeat(char.length);
  const base = [...char.replace(/[\uff01-\uff5e]/, narrowed).normalize("NFD")][0]?.toLowerCase().replace("ς", "σ") ?? char;
  return base.length === char.length ? base : char;
}

/** Return the ASCII character of a fullwidth form. @param {string} char */
function narrowed(char) {
  return String.fromCodePoint(char.charCodeAt(0) - 0xfee0);
}

/** @param {string} run */
function pattern(run) {
  const tokens = folded(run).match(TOKEN) ?? [];
  return tokens.map((token, index) => tokenPattern(token, index === tokens.length - 1)).join(GAP);
}

/**
 * @param {string} token
 * @param {boolean} isLast
 */
function tokenPattern(token, isLast) {
  if (ALONE.test(token)) return escaped(token);
  const letters = [...token].map(escaped).join(`${IGNORED}*`);
  return `(?<!${SPACED})${letters}${isLast ? `(?:${SPACED}|${IGNORED})*` : `${IGNORED}*(?!${SPACED})`}`;
}

/** @param {string} text */
function escaped(text) {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`);
}

/**
 * Widen a span so that it cuts no accent, vowel sign, flag or joined emoji from its character.
 * @param {string} text
 * @param {number} begin
 * @param {number} end
 * @returns {[number, number]}
 */
function whole(text, begin, end) {
  while (begin > 0 && begin < text.length && isInside(text, begin)) begin -= 1;
  while (end > 0 && end < text.length && isInside(text, end)) end += 1;
  return [begin, end];
}

/**
 * Return true if an offset is inside a character.
 * @param {string} text
 * @param {number} at
 */
function isInside(text, at) {
  if (/^[\udc00-\udfff]/.test(text[at] ?? "") && /[\ud800-\udbff]$/.test(text[at - 1] ?? "")) return true;
  const next = String.fromCodePoint(text.codePointAt(at) ?? 0);
  return CONTINUES.test(next) || text[at - 1] === JOINER || (FLAG.test(next) && flagLettersBefore(text, at) % 2 === 1);
}

/**
 * @param {string} text
 * @param {number} at
 */
function flagLettersBefore(text, at) {
  let count = 0;
  while (at >= 2 && FLAG.test(text.slice(at - 2, at))) [count, at] = [count + 1, at - 2];
  return count;
}
