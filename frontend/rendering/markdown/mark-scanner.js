/**
 * Scanner for thinking marks in a growing text. Marks in code, between backticks or in a fenced block, are ignored.
 * Text that may still become a mark or code is held back.
 */

const FENCE = /^[ \t>]*(?:(?:[-*+]|[0-9]{1,9}[.)])[ \t][ \t>]*)*(`{3,}|~{3,})([^]*)$/;

/**
 * @typedef {object} Scanned
 * @property {string} text text before the mark, or all text that isn't held back
 * @property {string | null} mark
 * @property {string} rest text after the mark, or the held back text
 */
/** @typedef {(line: string, at: number, mark: string) => boolean} Accepts returns true if a mark counts at this offset of its line */

export class MarkScanner {
  #marks;
  #endsBlocks;
  #accepts;
  /** Opening fence of the current code block; "" outside code. */
  #fence = "";
  /** True if a later line is known to close that block. */
  #isClosedLater = false;
  /** Part of the last line that was already returned. */
  #line = "";

  /**
   * @param {readonly string[]} marks
   * @param {boolean} endsBlocks true if a mark counts in a code block that is never closed
   * @param {Accepts} [accepts]
   */
  constructor(marks, endsBlocks, accepts = () => true) {
    this.#marks = marks;
    this.#endsBlocks = endsBlocks;
    this.#accepts = accepts;
  }

  /** @returns {MarkScanner} scanner in the same state */
  copy() {
    const copy = new MarkScanner(this.#marks, this.#endsBlocks, this.#accepts);
    copy.#fence = this.#fence;
    copy.#isClosedLater = this.#isClosedLater;
    copy.#line = this.#line;
    return copy;
  }

  /**
   * @param {string} text text held back so far, followed by new text
   * @param {boolean} isLast true if no more text comes
   * @returns {Scanned}
   */
  scan(text, isLast) {
    for (let start = 0; ; ) {
      const newline = text.indexOf("\n", start);
      const end = newline === -1 ? text.length : newline;
      const found = this.#inLine(text, start, end, isLast);
      if (found) return found;
      if (newline === -1) return this.#hold(text, start, isLast ? text.length : text.length - heldLength(text.slice(start), this.#marks));
      this.#endLine(this.#line + text.slice(start, end));
      start = newline + 1;
    }
  }

  /**
   * @param {string} text
   * @param {number} start offset of the line's new part
   * @param {number} end offset of the line's end
   * @param {boolean} isLast
   * @returns {Scanned | null} null if no mark counts
   */
  #inLine(text, start, end, isLast) {
    for (let next = this.#next(text, start, end); next; next = this.#next(text, next.at + 1, end)) {
      const isWhole = isLast || end < text.length;
      const before = this.#line + text.slice(start, next.at);
      const line = this.#line + text.slice(start, end);
      const isCode = this.#fence === "" ? isInSpan(line, before.length, isWhole) : this.#isInBlock(text, before, end, isLast);
      if (isCode === "maybe") return this.#hold(text, start, next.at);
      if (isCode || !this.#accepts(line, before.length, next.mark)) continue;
      return { text: text.slice(0, next.at), mark: next.mark, rest: text.slice(next.at + next.mark.length) };
    }
    return null;
  }

  /**
   * @param {string} text
   * @param {number} start
   * @param {number} end
   * @returns {{at: number, mark: string} | null} the first mark in the range
   */
  #next(text, start, end) {
    let first = null;
    for (const mark of this.#marks) {
      const at = text.indexOf(mark, start);
      if (at !== -1 && at + mark.length <= end && (!first || at < first.at)) first = { at, mark };
    }
    return first;
  }

  /**
   * Find out if a mark is in the open code block. The next lines decide, since a block that is never closed doesn't
   * count.
   * @param {string} text
   * @param {string} before the line up to the mark
   * @param {number} end offset of the line's end
   * @param {boolean} isLast
   * @returns {boolean | "maybe"}
   */
  #isInBlock(text, before, end, isLast) {
    if (!this.#endsBlocks || this.#isClosedLater) return true;
    if (closesFence(before, this.#fence)) return false;
    for (let at = end; at < text.length; ) {
      const newline = text.indexOf("\n", at + 1);
      if (newline === -1 && !isLast) return "maybe";
      const line = text.slice(at + 1, newline === -1 ? text.length : newline);
      if (closesFence(this.#beforeMark(line), this.#fence)) return (this.#isClosedLater = true);
      if (opensFence(line, this.#marks)?.language) return false;
      at = newline === -1 ? text.length : newline;
    }
    return isLast ? false : "maybe";
  }

  /** @param {string} line @returns {string} the line up to its first mark, or the whole line */
  #beforeMark(line) {
    return line.slice(0, this.#next(line, 0, line.length)?.at);
  }

  /** @param {string} line */
  #endLine(line) {
    if (this.#fence === "") this.#fence = opensFence(line, this.#marks)?.fence ?? "";
    else if (closesFence(line, this.#fence)) this.#fence = "";
    if (this.#fence === "") this.#isClosedLater = false;
    this.#line = "";
  }

  /**
   * @param {string} text
   * @param {number} start offset of the last line's new part
   * @param {number} at offset of the text to hold back
   * @returns {Scanned}
   */
  #hold(text, start, at) {
    this.#line += text.slice(start, at);
    return { text: text.slice(0, at), mark: null, rest: text.slice(at) };
  }
}

/**
 * @param {string} text
 * @param {string[] | readonly string[]} marks
 * @returns {number} length of the text's end that may be the beginning of a mark
 */
export function heldLength(text, marks) {
  const longest = Math.max(...marks.map((mark) => mark.length)) - 1;
  for (let length = Math.min(longest, text.length); length > 0; length -= 1) {
    const end = text.slice(-length);
    if (marks.some((mark) => mark.startsWith(end))) return length;
  }
  return 0;
}

/**
 * @param {string} line
 * @param {number} at
 * @param {boolean} isWhole true if the line is complete
 * @returns {boolean | "maybe"} true if the offset is between two backtick runs of the same length
 */
function isInSpan(line, at, isWhole) {
  let isUnclosed = false;
  for (let run = runFrom(line, 0); run && run.start < at; ) {
    const closing = closingOf(line, run);
    if (!closing || (!isWhole && closing.end === line.length)) {
      isUnclosed = true;
      run = runFrom(line, run.end);
    } else if (closing.start > at) return isUnclosed && !isWhole ? "maybe" : true;
    else run = runFrom(line, closing.end);
  }
  return isUnclosed && !isWhole ? "maybe" : false;
}

/** @typedef {{start: number, end: number}} Run run of backticks */

/**
 * @param {string} line
 * @param {number} from
 * @returns {Run | null}
 */
function runFrom(line, from) {
  const start = line.indexOf("`", from);
  if (start === -1) return null;
  let end = start + 1;
  while (line[end] === "`") end += 1;
  return { start, end };
}

/**
 * @param {string} line
 * @param {Run} opening
 * @returns {Run | null} the next run of the same length
 */
function closingOf(line, opening) {
  let run = runFrom(line, opening.end);
  while (run && run.end - run.start !== opening.end - opening.start) run = runFrom(line, run.end);
  return run;
}

/**
 * @param {string} line
 * @param {readonly string[]} marks the line doesn't open a code block if it contains one of them
 * @returns {{fence: string, language: boolean} | null}
 */
function opensFence(line, marks) {
  const [, fence, info] = FENCE.exec(line) ?? [];
  if (fence === undefined || info === undefined) return null;
  if ((fence[0] === "`" && info.includes("`")) || marks.some((mark) => info.includes(mark))) return null;
  return { fence, language: /[^ \t\r]/.test(info) };
}

/**
 * @param {string} line
 * @param {string} fence opening fence of the block
 */
function closesFence(line, fence) {
  const [, closing = "", rest = ""] = FENCE.exec(line) ?? [];
  return closing[0] === fence[0] && closing.length >= fence.length && !/[^ \t\r]/.test(rest);
}
