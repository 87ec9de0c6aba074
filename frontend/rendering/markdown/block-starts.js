/** What the beginning of a line says about the block that it belongs to. Lines have no line end here. */

/** From this length on a line that still could be anything is text, in UTF-16 units. */
export const LONGEST_START = 1000;
/** How far a line is indented to be code, in columns. */
export const CODE_INDENT = 4;
/** The most columns of a table; wider ones stay text. */
const MOST_COLUMNS = 100;

const MARKS_ONLY = /^[-*_=+#>`~|:\d.) \t]*$/;
const FENCE_START = /^(?:[ \t]*(?:>|(?:[-+*]|\d{1,9}[.)])(?=[ \t])))*[ \t]*(?:`{3}|~{3})/;
const FOOTNOTE_START = /^[ \t]*\[(?:\^[^\]]{0,40}\]?)?$/;
const MATH_START = /^[ \t]*(?:\$|\\)$/;

const FENCE = /^(`{3,}|~{3,})[ \t]*(.*)$/;
const HEADING = /^(#{1,6})(?:[ \t]+|$)/;
const RULE = /^(?:(?:\*[ \t]*){3,}|(?:-[ \t]*){3,}|(?:_[ \t]*){3,})$/;
const UNDERLINE = /^(=+|-+)[ \t]*$/;
const DELIMITER_ROW = /^\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*$/;
const LIST_MARK = /^([-+*]|(\d{1,9})([.)]))([ \t]*)/;
const FOOTNOTE = /^\[\^[^\]\s]{1,40}\]:/;

/** @typedef {"left" | "center" | "right" | ""} Alignment */
/**
 * @typedef {object} ListMark
 * @property {string} kind equal for marks that may stand in one list
 * @property {number | null} start number of an ordered one
 * @property {number} width columns up to the item's text
 * @property {string} rest the item's text
 */

/**
 * Whether a line that has only begun may still become something else than what it looks like now.
 * @param {string} line
 */
export function isUndecided(line) {
  return MARKS_ONLY.test(line) || FENCE_START.test(line) || FOOTNOTE_START.test(line) || MATH_START.test(line);
}

/** @param {string} line */
export function isBlank(line) {
  return !/\S/.test(line);
}

/**
 * @param {string} line
 * @returns {number} columns of white space at its beginning; a tab goes to the next multiple of four
 */
export function indentOf(line) {
  let column = 0;
  for (let at = 0; at < line.length; at += 1) {
    if (line[at] === " ") column += 1;
    else if (line[at] === "\t") column += 4 - (column % 4);
    else break;
  }
  return column;
}

/**
 * @param {string} line
 * @param {number} columns of white space to take away, as far as it has them
 */
export function outdented(line, columns) {
  if (columns === 0) return line;
  const white = /^[ \t]*/.exec(line)?.[0] ?? "";
  return " ".repeat(Math.max(0, indentOf(white) - columns)) + line.slice(white.length);
}

/** @param {string} rest */
export function fenceOf(rest) {
  const [, marks, info = ""] = FENCE.exec(rest) ?? [];
  return marks && !(marks.startsWith("`") && info.includes("`")) ? { marks, info: info.trim() } : null;
}

/**
 * @param {string} line inside of a code block
 * @param {string} marks that began it
 */
export function closesFence(line, marks) {
  const rest = line.trim();
  return indentOf(line) < CODE_INDENT && rest.length >= marks.length && isOnly(rest, marks.charAt(0));
}

/**
 * @param {string} line inside of a code block, which has only begun
 * @param {string} marks that began the block
 */
export function mayCloseFence(line, marks) {
  return isOnly(line.trim(), marks.charAt(0));
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

/** @param {string} rest */
export function isFootnote(rest) {
  return FOOTNOTE.test(rest);
}

/**
 * @param {string} rest
 * @returns {ListMark | null}
 */
export function listMarkOf(rest) {
  const found = LIST_MARK.exec(rest);
  if (!found) return null;
  const [, mark = "", number, delimiter, white = ""] = found;
  const text = rest.slice(found[0].length);
  if (text !== "" && white === "") return null;
  const gap = indentOf(white);
  const isCode = gap > CODE_INDENT;
  const width = mark.length + (text === "" || isCode ? 1 : gap);
  return {
    kind: delimiter ?? mark,
    start: number === undefined ? null : Number(number),
    width,
    rest: isCode ? " ".repeat(gap - 1) + text : text,
  };
}

/**
 * @param {string} rest
 * @returns {Alignment[] | null} of the columns, where it is a table's second line
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
 * @param {number} [most] how many cells are wanted
 * @returns {string[]}
 */
export function cellsOf(row, most = Infinity) {
  const cells = [];
  let line = row.trim();
  if (line.startsWith("|")) line = line.slice(1);
  let cell = "";
  for (const part of line.split(/(\\\||\|)/)) {
    if (part === "|") {
      cells.push(cell.trim());
      cell = "";
      if (cells.length === most) return cells;
    } else cell += part === "\\|" ? "|" : part;
  }
  if (cell.trim() !== "" || cells.length === 0) cells.push(cell.trim());
  return cells;
}
