/**
 * Splitter that separates a model's thinking from its answer by the marks around it (thinking-marks.js). Thinking comes
 * at the beginning of an answer; a later mark, or one in code, is text. Text that may become a mark is held back.
 */

import { heldLength, MarkScanner } from "./mark-scanner.js";
import { headerAt, PAIRS, PART_END } from "./thinking-marks.js";

/**
 * @typedef {object} ThinkingSink
 * @property {(text: string) => void} text
 * @property {() => void} thinkingBegan
 * @property {() => void} thinkingEnded
 * @property {() => void} thinkingWasBefore called if all text so far was thinking, because its opening mark was in the
 *   prompt
 */

/**
 * State of the splitter. `before`: no text yet; `open`: answer text that may turn out to be thinking; `thought`: in
 * thinking; `after`: after thinking; `answer`: in the answer. `part` and `between` are for answers whose parts have
 * headers (gpt-oss).
 * @typedef {"before" | "open" | "thought" | "after" | "answer" | "part" | "between"} State
 */

const BEGINS = PAIRS.map(([begin]) => begin);
const ENDS = PAIRS.map(([, end]) => end);
const BLANKS = /^[ \t\r\n]*/;

export class ThinkingSplitter {
  #sink;
  #held = "";
  /** @type {State} */
  #state = "before";
  #scanner = new MarkScanner([...BEGINS, ...ENDS], false, mayStandAlone);
  #hasParts = false;
  #hasEmitted = false;

  /** @param {ThinkingSink} sink */
  constructor(sink) {
    this.#sink = sink;
  }

  /** @returns {ThinkingSplitter} splitter in the same state, with the same sink */
  copy() {
    const copy = new ThinkingSplitter(this.#sink);
    copy.#held = this.#held;
    copy.#state = this.#state;
    copy.#scanner = this.#scanner.copy();
    copy.#hasParts = this.#hasParts;
    copy.#hasEmitted = this.#hasEmitted;
    return copy;
  }

  /** @param {string} text */
  append(text) {
    this.#read(this.#held + text, false);
  }

  /** Pass on the held back text, because no more text comes. */
  finish() {
    this.#read(this.#held, true);
    if (this.#state === "thought") this.#sink.thinkingEnded();
    this.#state = "answer";
  }

  /**
   * @param {string} text
   * @param {boolean} isLast
   */
  #read(text, isLast) {
    let rest = text;
    this.#held = "";
    while (rest !== "" && this.#held === "") rest = this.#step(rest, isLast);
  }

  /**
   * @param {string} text
   * @param {boolean} isLast
   * @returns {string} the unread rest
   */
  #step(text, isLast) {
    switch (this.#state) {
      case "before":
      case "after":
      case "between":
        return this.#begin(text, isLast);
      case "open":
        return this.#open(text, isLast);
      case "thought":
        return this.#thought(text, isLast);
      case "part":
        return this.#part(text, isLast);
      default:
        this.#sink.text(text);
        return "";
    }
  }

  /**
   * @param {string} text
   * @param {boolean} isLast
   */
  #begin(text, isLast) {
    const start = text.replace(BLANKS, "");
    if (start === "" && !isLast) return this.#hold(text);
    const header = this.#state === "after" ? null : headerAt(start, isLast);
    if (header === "maybe") return this.#hold(text);
    if (header) return this.#beginPart(header, start);
    const begin = this.#state === "between" ? undefined : BEGINS.find((mark) => start.startsWith(mark));
    if (begin !== undefined) return this.#beginThought(ENDS[BEGINS.indexOf(begin)] ?? "", start.slice(begin.length));
    if (!isLast && this.#state !== "between" && BEGINS.some((mark) => mark.startsWith(start))) return this.#hold(text);
    this.#state = this.#state === "before" ? "open" : "answer";
    return text;
  }

  /**
   * @param {import("./thinking-marks.js").Header} header
   * @param {string} text
   */
  #beginPart({ length, isThinking }, text) {
    this.#hasParts = true;
    const rest = text.slice(length);
    if (isThinking) return this.#beginThought(PART_END, rest);
    if (this.#hasEmitted) this.#sink.text("\n\n");
    this.#state = "part";
    return rest;
  }

  /**
   * @param {string} end
   * @param {string} text
   */
  #beginThought(end, text) {
    this.#scanner = new MarkScanner([end], true);
    this.#state = "thought";
    this.#sink.thinkingBegan();
    return text;
  }

  /**
   * Read an answer without an opening mark; a closing mark may still turn it into thinking.
   * @param {string} text
   * @param {boolean} isLast
   */
  #open(text, isLast) {
    const { mark, rest } = this.#scan(text, isLast);
    if (mark === null) return rest;
    if (BEGINS.includes(mark)) {
      this.#state = "answer";
      return mark + rest;
    }
    this.#state = "after";
    this.#sink.thinkingWasBefore();
    return rest;
  }

  /**
   * @param {string} text
   * @param {boolean} isLast
   */
  #thought(text, isLast) {
    const { mark, rest } = this.#scan(text, isLast);
    if (mark === null) return rest;
    this.#state = this.#hasParts ? "between" : "after";
    this.#sink.thinkingEnded();
    return rest;
  }

  /**
   * @param {string} text
   * @param {boolean} isLast
   */
  #scan(text, isLast) {
    const scanned = this.#scanner.scan(text, isLast);
    if (scanned.text !== "") this.#sink.text(scanned.text);
    if (scanned.mark === null) this.#held = scanned.rest;
    return scanned;
  }

  /**
   * Read a part that isn't thinking. Its end mark counts only before another header or at the end of the text.
   * @param {string} text
   * @param {boolean} isLast
   */
  #part(text, isLast) {
    const end = text.indexOf(PART_END);
    if (end === -1) {
      const kept = isLast ? 0 : heldLength(text, [PART_END]);
      this.#emit(text.slice(0, text.length - kept));
      return this.#hold(text.slice(text.length - kept));
    }
    this.#emit(text.slice(0, end));
    const rest = text.slice(end + PART_END.length);
    const start = rest.replace(BLANKS, "");
    const header = headerAt(start, isLast);
    if (header === "maybe" || (start === "" && !isLast)) return this.#hold(text.slice(end));
    if (start !== "" && !header) {
      this.#emit(PART_END);
      return rest;
    }
    this.#state = "between";
    return start;
  }

  /** @param {string} text */
  #emit(text) {
    if (text === "") return;
    this.#hasEmitted = true;
    this.#sink.text(text);
  }

  /** Hold the text back until more comes. @param {string} text @returns {string} always "" */
  #hold(text) {
    this.#held = text;
    return "";
  }
}

/**
 * Return true if a mark without its partner counts. It doesn't after a blank, bracket or quotation mark: there a
 * sentence mentions it.
 * @param {string} line
 * @param {number} at
 * @param {string} mark
 */
function mayStandAlone(line, at, mark) {
  if (BEGINS.includes(mark)) return true;
  return line.slice(0, at).trim() === "" || !" \t\"'“‘«„([".includes(line[at - 1] ?? "");
}
