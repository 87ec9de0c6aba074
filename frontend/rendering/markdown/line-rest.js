/**
 * Rest of a line after the marks of its blocks, and the column where the rest begins. A tab goes to the next column
 * that is a multiple of four. As in CommonMark, only spaces and tabs are blank: a line of other white space is text.
 */

/** @typedef {{text: string, column: number}} Rest */

const TAB = 4;

/** @param {string} text */
export function isBlank(text) {
  return !/[^ \t]/.test(text);
}

/** @param {string} text */
export function withoutIndent(text) {
  return text.startsWith(" ") || text.startsWith("\t") ? text.replace(/^[ \t]+/, "") : text;
}

/** @param {string} text */
export function withoutBlanks(text) {
  let [start, end] = [0, text.length];
  while (start < end && isBlankAt(text, start)) start += 1;
  while (end > start && isBlankAt(text, end - 1)) end -= 1;
  return text.slice(start, end);
}

/**
 * @param {string} text
 * @param {number} at
 */
function isBlankAt(text, at) {
  const character = text[at];
  return character === " " || character === "\n" || character === "\t";
}

/**
 * @param {Rest} rest
 * @returns {number} number of columns of white space at the beginning
 */
export function indentOf({ text, column }) {
  let end = column;
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === " ") end += 1;
    else if (text[at] === "\t") end += TAB - (end % TAB);
    else break;
  }
  return end - column;
}

/**
 * @param {Rest} rest
 * @param {number} columns largest number of columns of white space to remove
 * @returns {Rest} the rest; a tab that is only partly removed becomes spaces
 */
export function outdented({ text, column }, columns) {
  let at = 0;
  let end = column;
  while (end - column < columns && (text[at] === " " || text[at] === "\t")) {
    end += text[at] === " " ? 1 : TAB - (end % TAB);
    at += 1;
  }
  const surplus = Math.max(0, end - column - columns);
  return { text: " ".repeat(surplus) + text.slice(at), column: end - surplus };
}
