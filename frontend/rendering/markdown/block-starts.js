/** Rules that recognize a block by the beginning of a line. Lines are passed without their line end. */

import { indentOf, outdented, withoutBlanks, withoutIndent } from "./line-rest.js";

/** @typedef {import("./line-rest.js").Rest} Rest */

/** Length from which an undecided line counts as text, in UTF-16 units. */
export const LONGEST_START = 1000;
/** Indentation that makes a line code, in columns. */
export const CODE_INDENT = 4;
/** Largest number of a table's columns. A wider table is text. */
const MOST_COLUMNS = 100;

const MARKS_ONLY = /^[-*_=+#>`~|:\d.) \t]*$/;
const FENCE_START = /^(?:[ \t]*(?:>|(?:[-+*]|\d{1,9}[.)])(?=[ \t])))*[ \t]*(?:`{3}|~{3})/;
const FOOTNOTE_START = /^(?:[ \t]*(?:>|(?:[-+*]|\d{1,9}[.)])(?=[ \t])))*[ \t]*\[(?:\^[^\]\s]{0,40}(?:\](?::[ \t]*)?)?)?$/;
const FOOTNOTES = /^(?:[-*+>\d.) \t]*\[\^[^\]\s]{1,40}\]:)+/;
const MATH_START = /^[ \t]*(?:\$|\\)$/;

const FENCE = /^(`{3,}|~{3,})[ \t]*([^]*)$/;
const NESTED_FENCE = /^(`{3,}|~{3,})[ \t]*[^\s`~]/;
const HEADING = /^(#{1,6})(?:[ \t]+|$)/;
const RULE = /^(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$/;
const UNDERLINE = /^(=+|-+)[ \t]*$/;
const DELIMITER_ROW = /^\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$/;
const LIST_MARK = /^([-+*]|(\d{1,9})([.)]))(?=[ \t]|$)/;
const FOOTNOTE = /^\[(\^[^\]\s]{1,40})\]:[ \t]*/;

/** @typedef {"left" | "center" | "right" | ""} Alignment */
/**
 * @typedef {object} ListMark
 * @property {string} kind equal for marks that can be in the same list
 * @property {number | null} start number of an ordered item; null for an unordered one
 * @property {number} width columns up to the item's text
 * @property {Rest} rest the item's text
 */

/**
 * Return true if more text may still change what an unfinished line is.
 * @param {string} line
 */
export function isUndecided(line) {
  const rest = line.includes("]:") ? line.replace(FOOTNOTES, "") : line;
  return MARKS_ONLY.test(rest) || FENCE_START.test(rest) || FOOTNOTE_START.test(rest) || MATH_START.test(rest);
}

/** @param {string} rest */
export function fenceOf(rest) {
  const [, marks, info = ""] = FENCE.exec(rest) ?? [];
  return marks && !(marks.startsWith("`") && info.includes("`")) ? { marks, info: withoutBlanks(info) } : null;
}

/**
 * @param {Rest} line line inside a code block
 * @param {string} marks the block's opening fence
 */
export function closesFence(line, marks) {
  const rest = withoutBlanks(line.text);
  return indentOf(line) < CODE_INDENT && rest.length >= marks.length && isOnly(rest, marks.charAt(0));
}

/**
 * @param {string} line unfinished line inside a code block
 * @param {string} marks the block's opening fence
 */
export function mayCloseFence(line, marks) {
  return isOnly(withoutBlanks(line), marks.charAt(0));
}

/**
 * Return true if a line in a Markdown block opens an inner fence, which names a language. Models write code into such
 * blocks without making the outer fence longer.
 * @param {Rest} line line inside a Markdown block
 * @param {string} marks the block's opening fence
 * @returns {boolean}
 */
export function beginsNestedFence(line, marks) {
  const [, inner = ""] = NESTED_FENCE.exec(withoutIndent(line.text)) ?? [];
  return inner.length >= marks.length && inner.charAt(0) === marks.charAt(0);
}

/**
 * @param {string} text
 * @param {string} character
 */
function isOnly(text, character) {
  return text === character.repeat(text.length);
}

/** @param {string} rest */
export function headingOf(rest) {
  const found = HEADING.exec(rest);
  return found && { level: found[1]?.length ?? 1, text: rest.slice(found[0].length) };
}

/** @param {string} rest */
export function isRule(rest) {
  return RULE.test(rest);
}

/** @param {string} rest */
export function underlineLevel(rest) {
  const found = UNDERLINE.exec(rest);
  return found && (found[1]?.startsWith("=") ? 1 : 2);
}

/**
 * @param {string} rest
 * @returns {{label: string, length: number} | null} label: with the circumflex
 */
export function footnoteOf(rest) {
  const found = FOOTNOTE.exec(rest);
  return found && { label: found[1] ?? "", length: found[0].length };
}

/**
 * @param {Rest} line
 * @returns {Rest | null} the quoted part of the line; null if it isn't quoted
 */
export function quotedIn(line) {
  const indent = indentOf(line);
  const rest = withoutIndent(line.text);
  return indent < CODE_INDENT && rest.startsWith(">") ? outdented({ text: rest.slice(1), column: line.column + indent + 1 }, 1) : null;
}

/**
 * @param {string} rest
 * @returns {boolean} true if the line ends a paragraph before it, because it begins another block
 */
export function interrupts(rest) {
  const mark = listMarkOf({ text: rest, column: 0 });
  return rest.startsWith(">") || mark !== null || headingOf(rest) !== null || fenceOf(rest) !== null || isRule(rest) || UNDERLINE.test(rest);
}

/**
 * @param {Rest} line line without its indentation
 * @returns {ListMark | null}
 */
export function listMarkOf({ text, column }) {
  const found = /^[-+*\d]/.test(text) ? LIST_MARK.exec(text) : null;
  if (!found) return null;
  const [, mark = "", number, delimiter] = found;
  const behind = { text: text.slice(mark.length), column: column + mark.length };
  const isEmpty = withoutBlanks(behind.text) === "";
  const gap = indentOf(behind);
  const used = isEmpty || gap > CODE_INDENT ? 1 : gap;
  return {
    kind: delimiter ?? mark,
    start: number === undefined ? null : Number(number),
    width: mark.length + used,
    rest: outdented(behind, isEmpty ? gap : used),
  };
}

/**
 * @param {string} rest
 * @returns {Alignment[] | null} the columns' alignments; null if the line isn't a table's second line
 */
export function alignmentsOf(rest) {
  if (!/[|:]/.test(rest) || !DELIMITER_ROW.test(rest)) return null;
  const alignments = cellsOf(rest).map((cell) => {
    const [isLeft, isRight] = [cell.startsWith(":"), cell.endsWith(":")];
    return isLeft && isRight ? "center" : isRight ? "right" : isLeft ? "left" : "";
  });
  return alignments.length > MOST_COLUMNS ? null : alignments;
}

/**
 * @param {string} row
 * @param {number} [most] largest number of cells to return
 * @returns {string[]}
 */
export function cellsOf(row, most = Infinity) {
  const cells = [];
  let line = withoutBlanks(row);
  if (line.startsWith("|")) line = line.slice(1);
  let cell = "";
  for (const part of line.split(/(\\\||\|)/)) {
    if (part === "|") {
      cells.push(withoutBlanks(cell));
      cell = "";
      if (cells.length === most) return cells;
    } else cell += part === "\\|" ? "|" : part;
  }
  if (withoutBlanks(cell) !== "" || cells.length === 0) cells.push(withoutBlanks(cell));
  return cells;
}
