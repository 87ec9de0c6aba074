/**
 * Chinese, Japanese and Korean characters. These scripts have no spaces between words, so that Markdown marks and
 * addresses are directly beside letters and punctuation.
 */

/** Wide and halfwidth characters other than emoji, and Hangul (https://www.unicode.org/reports/tr11/). */
const CJK = /[\p{Script=Hangul}\u20a9\u2329\u232a\u2e80-\u303e\u3041-\ua4cf\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff01-\uffe6\u{16fe0}-\u{18dff}\u{1aff0}-\u{1b2ff}\u{1f200}-\u{1f2ff}\u{20000}-\u{3fffd}]|[\u{e0100}-\u{e01ef}]/u;
const VARIATION = /[\ufe00-\ufe0e]/;
const WIDE_QUOTE = /[‘’“”]\ufe01$/;

/** @param {string} character */
export function isCjk(character) {
  return character > "\u10ff" && CJK.test(character);
}

/**
 * @param {string} text
 * @param {number} at
 * @returns {string} the character before the offset, without a variation selector; " " at the beginning
 */
export function characterBefore(text, at) {
  const unit = text.charAt(at - 1);
  if (unit !== "" && unit < "\ud800") return unit;
  const last = lastCharacter(text.slice(Math.max(0, at - 4), at));
  if (!VARIATION.test(last)) return last;
  return WIDE_QUOTE.test(text.slice(Math.max(0, at - 2), at)) ? "\u3002" : lastCharacter(text.slice(Math.max(0, at - 5), at - 1));
}

/**
 * @param {string} text
 * @param {number} at
 * @returns {string} the character at the offset; " " at the end
 */
export function characterAfter(text, at) {
  return at >= text.length ? " " : String.fromCodePoint(text.codePointAt(at) ?? 32);
}

/** @param {string} text */
function lastCharacter(text) {
  return [...text].at(-1) ?? " ";
}
