/**
 * Scanner for math: `$..$`, `$$..$$`, `\(..\)`, `\[..\]` and environments such as `\begin{align}..\end{align}`. Prices
 * with dollar signs stay text.
 */

import { isBlank } from "./line-rest.js";

/** Longest formula, in UTF-16 units. A longer one is text. */
export const LONGEST_MATH = 2000;
/** An amount, not math: a number followed by words, as in "$5 and 10$". */
const AMOUNT = /^\d[\d.,]*[kKmMbB%]?\s+(?!\\)\p{L}{2,}/u;
/**
 * Operator that can't end a formula before a letter: it belongs to a shell variable (`$HOME/bin:$PATH`) or to an
 * unfinished word.
 */
const OPERATOR_END = /[=:;/.,@<>+\-({|&'"]$/;

/** Words that a formula doesn't contain, as in "$PATH is set". */
const WORDS = /^[^{]*\s\p{L}{3,}/u;

/** @type {[string, string, boolean][]} opening mark, closing mark, and true for display math */
const MARKS = [["$$", "$$", true], ["\\[", "\\]", true], ["\\(", "\\)", false], ["$", "$", false]];
const ENVIRONMENT = "(?:equation|align|alignat|aligned|gather|gathered|multline|flalign|eqnarray|split|cases|array|[pbBvV]?matrix|CD)\\*?";
const BEGIN = new RegExp(`\\\\begin\\{(${ENVIRONMENT})\\}`, "y");
/** Beginning of math that continues in the next lines. `\[ ]` and `\[x]` are escaped checkboxes, not math. */
const OPENING = new RegExp(`^[ \\t]*(?:(\\$\\$)|(\\\\\\[)(?![ xX]?\\])|\\\\begin\\{(${ENVIRONMENT})\\})`);

/**
 * @param {string} text
 * @param {number} at
 * @returns {{tex: string, isDisplay: boolean, source: string} | null}
 */
export function scanMath(text, at) {
  const mark = MARKS.find(([begin]) => text.startsWith(begin, at));
  if (!mark) return text[at] === "\\" ? scanEnvironment(text, at) : null;
  const [begin, end, isDisplay] = mark;
  const start = at + begin.length;
  const close = begin === "$" ? endOfDollar(text, at) : endOfMath(text, start, end);
  if (close === -1) return null;
  return { tex: text.slice(start, close), isDisplay, source: text.slice(at, close + end.length) };
}

/**
 * @param {string} text text that still grows
 * @param {number} at offset where no complete formula begins
 * @returns {"display" | "inline" | null} kind of formula that may begin there
 */
export function mayBeginMath(text, at) {
  const before = text.slice(text.lastIndexOf("\n", at - 1) + 1, at);
  const line = text.slice(at, at + LONGEST_MATH);
  if (isBlank(before) && OPENING.test(line)) return "display";
  if (line.startsWith("\\(")) return "inline";
  const isDollar = line.startsWith("$") && !/^\$[\d$\s]/.test(line) && !/[a-zA-Z\d]/.test(text.charAt(at - 1));
  return isDollar && !line.includes("$", 1) && !WORDS.test(line) ? "inline" : null;
}

/**
 * @param {string} text
 * @param {number} at
 */
function scanEnvironment(text, at) {
  BEGIN.lastIndex = at;
  const found = BEGIN.exec(text);
  if (!found) return null;
  const end = `\\end{${found[1]}}`;
  const close = endOfMath(text, at + found[0].length, end);
  if (close === -1) return null;
  const source = text.slice(at, close + end.length);
  return { tex: source, isDisplay: true, source };
}

/**
 * Find the math that is still open after a line. Only a mark at the beginning of a line opens math for further lines:
 * in "Price: $$" it is text.
 * @param {string} line
 * @param {string} until closing mark of the math that is open before the line; "" if there is none
 * @returns {string} closing mark of the math that is open after the line; "" if there is none
 */
export function openMathAfter(line, until) {
  if (until !== "") {
    const end = line.indexOf(until);
    return end === -1 ? until : openMathAfter(line.slice(end + until.length), "");
  }
  const found = OPENING.exec(line);
  if (!found) return "";
  const end = found[1] ? "$$" : found[2] ? "\\]" : `\\end{${found[3]}}`;
  return openMathAfter(line.slice(found[0].length), end);
}

/**
 * @param {string} text
 * @param {number} start
 * @param {string} end
 */
function endOfMath(text, start, end) {
  const close = text.indexOf(end, start);
  return close === -1 || close - start > LONGEST_MATH || isBlank(text.slice(start, close).replaceAll("\n", "")) ? -1 : close;
}

/**
 * Find the dollar sign that ends a formula, by Pandoc's rule: the opening sign is directly before the formula, the
 * closing one directly after it and not before a digit, so that "$5 and $6" are prices. In addition, no formula begins
 * after a word, as in "US$".
 * @param {string} text
 * @param {number} at
 */
function endOfDollar(text, at) {
  const isAmount = /\d/.test(text.charAt(at - 1)) && text[at + 1] !== "\\";
  if (isAmount || /[a-zA-Z]/.test(text.charAt(at - 1)) || !/\S/.test(text.charAt(at + 1))) return -1;
  const limit = Math.min(text.length, at + LONGEST_MATH);
  for (let close = at + 2; close < limit; close += 1) {
    if (text[close] === "\\") close += 1;
    else if (text[close] === "$") return isEndOfDollar(text, at + 1, close) ? close : -1;
  }
  return -1;
}

/**
 * @param {string} text
 * @param {number} start
 * @param {number} close
 */
function isEndOfDollar(text, start, close) {
  const tex = text.slice(start, close);
  const next = text.charAt(close + 1);
  if (!/\S$/.test(tex) || /[\p{Nd}$A-Z]/u.test(next) || AMOUNT.test(tex)) return false;
  return !/[a-z_]/.test(next) || !OPERATOR_END.test(tex);
}
