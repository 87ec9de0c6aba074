/**
 * Parts what a model thinks from what it says, by the marks that models put around it (thinking-marks.js). A thought
 * stands at the beginning of an answer; a mark further down, or in code, is text. What may become a mark is held back.
 */

import { heldLength, MarkScanner } from "./mark-scanner.js";
import { headerAt, PAIRS, PART_END } from "./thinking-marks.js";

/**
 * @typedef {object} ThinkingSink
 * @property {(text: string) => void} text
 * @property {() => void} thinkingBegan
 * @property {() => void} thinkingEnded
 * @property {() => void} thinkingWasBefore all that came so far was thinking: its beginning was in the prompt
 */

/**
 * Where the text stands: before anything was said; in an answer that may turn out to be thinking; in a thought; after
 * one; in the answer. The last two are of answers of which each part has a header (gpt-oss).
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
  #hasSaid = false;

  /** @param {ThinkingSink} sink */
  constructor(sink) {
    this.#sink = sink;
  }

  /** @returns {ThinkingSplitter} one that stands where this one does */
  copy() {
    const copy = new ThinkingSplitter(this.#sink);
    copy.#held = this.#held;
    copy.#state = this.#state;
    copy.#scanner = this.#scanner.copy();
    copy.#hasParts = this.#hasParts;
    copy.#hasSaid = this.#hasSaid;
    return copy;
  }

  /** @param {string} text */
  append(text) {
    this.#take(this.#held + text, false);
  }

  /** No more will come: what was held back is given out. */
  finish() {
    this.#take(this.#held, true);
    if (this.#state === "thought") this.#sink.thinkingEnded();
    this.#state = "answer";
  }

  /**
   * @param {string} text
   * @param {boolean} isLast
   */
  #take(text, isLast) {
    let rest = text;
    this.#held = "";
    while (rest !== "" && this.#held === "") rest = this.#step(rest, isLast);
  }

  /**
   * @param {string} text
   * @param {boolean} isLast
   * @returns {string} what is left of it
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
    if (this.#hasSaid) this.#sink.text("\n\n");
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
   * An answer without a mark of its beginning: what ends a thought may come yet.
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
   * A part of the answer that is no thought: the mark of its end counts where another header follows, or nothing.
   * @param {string} text
   * @param {boolean} isLast
   */
  #part(text, isLast) {
    const end = text.indexOf(PART_END);
    if (end === -1) {
      const kept = isLast ? 0 : heldLength(text, [PART_END]);
      this.#say(text.slice(0, text.length - kept));
      return this.#hold(text.slice(text.length - kept));
    }
    this.#say(text.slice(0, end));
    const rest = text.slice(end + PART_END.length);
    const start = rest.replace(BLANKS, "");
    const header = headerAt(start, isLast);
    if (header === "maybe" || (start === "" && !isLast)) return this.#hold(text.slice(end));
    if (start !== "" && !header) {
      this.#say(PART_END);
      return rest;
    }
    this.#state = "between";
    return start;
  }

  /** @param {string} text */
  #say(text) {
    if (text === "") return;
    this.#hasSaid = true;
    this.#sink.text(text);
  }

  /** @param {string} text @returns {string} nothing: all of it waits for what comes next */
  #hold(text) {
    this.#held = text;
    return "";
  }
}

/**
 * Whether a mark counts whose partner is not there: not where a sentence speaks of it, after a blank or a quotation mark.
 * @param {string} line
 * @param {number} at
 * @param {string} mark
 */
function mayStandAlone(line, at, mark) {
  if (BEGINS.includes(mark)) return true;
  return line.slice(0, at).trim() === "" || !" \t\"'“‘«„([".includes(line[at - 1] ?? "");
}
