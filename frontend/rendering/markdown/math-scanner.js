/** Finds math in a text: `$..$`, `$$..$$`, `\(..\)` and `\[..\]`, and leaves prices alone. */

/** The longest formula, in UTF-16 units: longer ones stay text. */
const LONGEST = 2000;
/** "$5 and 10$": a number, then words. */
const AMOUNT = /^\d[\d.,]*[kKmMbB%]?\s+(?!\\)\p{L}{2,}/u;

/** @type {[string, string, boolean][]} what begins it, what ends it, whether it stands on its own */
const MARKS = [["$$", "$$", true], ["\\[", "\\]", true], ["\\(", "\\)", false], ["$", "$", false]];

/**
 * @param {string} text
 * @param {number} at
 * @returns {{tex: string, isDisplay: boolean, source: string} | null}
 */
export function scanMath(text, at) {
  const mark = MARKS.find(([begin]) => text.startsWith(begin, at));
  if (!mark) return null;
  const [begin, end, isDisplay] = mark;
  const start = at + begin.length;
  const close = begin === "$" ? endOfDollar(text, at) : endOfMath(text, start, end);
  if (close === -1) return null;
  return { tex: text.slice(start, close), isDisplay, source: text.slice(at, close + end.length) };
}

/**
 * @param {string} line
 * @param {string} until what ends the math that is open before it, or ""
 * @returns {string} what ends the math that is open behind it, or ""
 */
export function openMathAfter(line, until) {
  let open = until;
  for (const [mark] of line.matchAll(/\$\$|\\[[\]]/g)) {
    if (open === mark) open = "";
    else if (open === "" && mark !== "\\]") open = mark === "$$" ? "$$" : "\\]";
  }
  return open;
}

/**
 * @param {string} text
 * @param {number} start
 * @param {string} end
 */
function endOfMath(text, start, end) {
  const close = text.indexOf(end, start);
  return close === -1 || close - start > LONGEST || text.slice(start, close).trim() === "" ? -1 : close;
}

/**
 * A dollar sign begins math only directly before its text and not in a word, and ends it only directly behind it and
 * not before a digit: then "$5 and $6" are prices.
 * @param {string} text
 * @param {number} at
 */
function endOfDollar(text, at) {
  if (/[\p{L}\p{N}]/u.test(text.charAt(at - 1)) || !/\S/.test(text.charAt(at + 1))) return -1;
  const limit = Math.min(text.length, at + LONGEST);
  for (let close = at + 2; close < limit; close += 1) {
    if (text[close] === "\\") close += 1;
    else if (text[close] === "$") {
      const isEnd = /\S/.test(text.charAt(close - 1)) && !/[\p{L}\p{N}$]/u.test(text.charAt(close + 1));
      return isEnd && !AMOUNT.test(text.slice(at + 1, close)) ? close : -1;
    }
  }
  return -1;
}
