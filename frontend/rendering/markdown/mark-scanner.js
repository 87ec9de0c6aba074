/**
 * Finds marks in a growing text, but for those in code: a mark between backticks, or in a fenced block, is text. What may
 * turn out to be either is held back.
 */

const FENCE = /^[ \t>]*(?:(?:[-*+]|[0-9]{1,9}[.)])[ \t][ \t>]*)*(`{3,}|~{3,})([^]*)$/;

/**
 * @typedef {object} Scanned
 * @property {string} text what comes before the mark, or all that is not held back
 * @property {string | null} mark
 * @property {string} rest what follows the mark, or what is held back
 */
/** @typedef {(line: string, at: number, mark: string) => boolean} Accepts whether a mark counts at that place of its line */

export class MarkScanner {
  #marks;
  #endsBlocks;
  #accepts;
  /** What opened the block of code that is open, or "". */
  #fence = "";
  /** Whether that block is known to be closed further down. */
  #isClosedLater = false;
  /** What was given out of the last line. */
  #line = "";

  /**
   * @param {readonly string[]} marks
   * @param {boolean} endsBlocks whether a mark counts in a block of code that is never closed
   * @param {Accepts} [accepts]
   */
  constructor(marks, endsBlocks, accepts = () => true) {
    this.#marks = marks;
    this.#endsBlocks = endsBlocks;
    this.#accepts = accepts;
  }

  /** @returns {MarkScanner} one that stands where this one does */
  copy() {
    const copy = new MarkScanner(this.#marks, this.#endsBlocks, this.#accepts);
    copy.#fence = this.#fence;
    copy.#isClosedLater = this.#isClosedLater;
    copy.#line = this.#line;
    return copy;
  }

  /**
   * @param {string} text what was held back, and what has come since
   * @param {boolean} isLast whether no more comes
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
   * @param {number} start of what is new in the line
   * @param {number} end of the line
   * @param {boolean} isLast
   * @returns {Scanned | null} null: no mark that counts
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
   * @returns {{at: number, mark: string} | null} the first mark there
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
   * Whether a mark is in the block of code that is open: the next lines tell, since a block that is not closed is none.
   * @param {string} text
   * @param {string} before the part of the mark's line before it
   * @param {number} end of that line
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

  /** @param {string} line @returns {string} the line up to its first mark, or all of it */
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
   * @param {number} start of what is new in the last line
   * @param {number} at from where on it is held back
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
 * @returns {number} how much of the text's end may be the beginning of a mark
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
 * @param {boolean} isWhole whether all of the line is there
 * @returns {boolean | "maybe"} whether the place is between two equally long runs of backticks
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

/** @typedef {{start: number, end: number}} Run of backticks */

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
 * @param {readonly string[]} marks that are not in the line where it begins a block of code
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
 * @param {string} fence that it may close
 */
function closesFence(line, fence) {
  const [, closing = "", rest = ""] = FENCE.exec(line) ?? [];
  return closing[0] === fence[0] && closing.length >= fence.length && !/[^ \t\r]/.test(rest);
}
