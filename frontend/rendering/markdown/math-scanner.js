/**
 * Finds math in a text: `$..$`, `$$..$$`, `\(..\)`, `\[..\]` and environments such as `\begin{align}..\end{align}`, and
 * leaves prices alone.
 */

import { isBlank } from "./line-rest.js";

/** The longest formula, in UTF-16 units: longer ones stay text. */
export const LONGEST_MATH = 2000;
/** "$5 and 10$": a number, then words. */
const AMOUNT = /^\d[\d.,]*[kKmMbB%]?\s+(?!\\)\p{L}{2,}/u;
/** Of a variable in a program, as in `$HOME/bin:$PATH`, or of a word that only begins: no formula ends so before a letter. */
const OPERATOR_END = /[=:;/.,@<>+\-({|&'"]$/;

/** "$PATH is set": a word that no formula has. */
const WORDS = /^[^{]*\s\p{L}{3,}/u;

/** @type {[string, string, boolean][]} what begins it, what ends it, whether it stands on its own */
const MARKS = [["$$", "$$", true], ["\\[", "\\]", true], ["\\(", "\\)", false], ["$", "$", false]];
const ENVIRONMENT = "(?:equation|align|alignat|aligned|gather|gathered|multline|flalign|eqnarray|split|cases|array|[pbBvV]?matrix|CD)\\*?";
const BEGIN = new RegExp(`\\\\begin\\{(${ENVIRONMENT})\\}`, "y");
/** Where a line opens math that goes on in the next ones. `\[ ]` and `\[x]` are no math but escaped boxes. */
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
 * @param {string} text that still grows
 * @param {number} at where no formula begins that has an end
 * @returns {"display" | "inline" | null} what may begin there
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
 * Only a mark at the beginning of a line opens math for further lines: in "Price: $$" it is text.
 * @param {string} line
 * @param {string} until what ends the math that is open before it, or ""
 * @returns {string} what ends the math that is open behind it, or ""
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
 * Pandoc's rule: a dollar sign begins math only directly before its text, and ends it only directly behind it and not
 * before a digit, so that "$5 and $6" are prices. Here it also begins none behind a word, as in "US$".
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
