/**
 * Parts what a model thinks from what it says, by the marks that common models put around it. A mark counts only at the
 * beginning of a line and outside of code; what may become one is held back.
 */

/**
 * @typedef {object} ThinkingSink
 * @property {(text: string) => void} text
 * @property {() => void} thinkingBegan
 * @property {() => void} thinkingEnded
 * @property {() => void} thinkingWasBefore all that came so far was thinking: its beginning was in the prompt
 * @property {() => boolean} isInCode
 */

/** @type {[string, string][]} what begins it, what ends it */
const MARKS = [
  ["<think>", "</think>"],
  ["<thinking>", "</thinking>"],
  ["<thought>", "</thought>"],
  ["<reasoning>", "</reasoning>"],
  ["<seed:think>", "</seed:think>"],
  ["<|begin_of_thought|>", "<|end_of_thought|>"],
  ["<|START_THINKING|>", "<|END_THINKING|>"],
  ["<|channel|>analysis<|message|>", "<|end|>"],
  ["[THINK]", "[/THINK]"],
];
/** Ends of which the beginning may be in the prompt. */
const LONE_ENDS = ["</think>", "</thinking>", "[/THINK]"];
/** Says only that an answer follows. */
const NOISE = ["<|start|>assistant", "<|channel|>final<|message|>", "<|channel|>commentary<|message|>"];
const STARTS = [...MARKS.map(([begin]) => begin), ...LONE_ENDS, ...NOISE];

export class ThinkingSplitter {
  #sink;
  #held = "";
  /** @type {string | null} the mark that ends the present thinking */
  #end = null;
  #isAtLineStart = true;
  #mayHaveBegunBefore = true;

  /** @param {ThinkingSink} sink */
  constructor(sink) {
    this.#sink = sink;
  }

  /** @param {string} text */
  append(text) {
    let rest = this.#held + text;
    this.#held = "";
    while (rest !== "") rest = this.#end === null ? this.#takeLine(rest) : this.#takeThinking(rest, this.#end);
  }

  /** Gives out what was held back. */
  finish() {
    if (this.#held !== "") this.#sink.text(this.#held);
    this.#held = "";
    if (this.#end !== null) this.#sink.thinkingEnded();
    this.#end = null;
    this.#isAtLineStart = true;
  }

  /**
   * @param {string} text
   * @returns {string} what is left of it
   */
  #takeLine(text) {
    if (this.#isAtLineStart && (text.startsWith("<") || text.startsWith("[")) && !this.#sink.isInCode()) {
      const mark = STARTS.find((each) => text.startsWith(each));
      if (mark !== undefined && (this.#mayHaveBegunBefore || !LONE_ENDS.includes(mark))) return this.#takeMark(mark, text);
      if (STARTS.some((each) => each.startsWith(text))) {
        this.#held = text;
        return "";
      }
    }
    const end = text.indexOf("\n") + 1 || text.length;
    const line = text.slice(0, end);
    this.#isAtLineStart = line.endsWith("\n");
    this.#sink.text(line);
    return text.slice(end);
  }

  /**
   * @param {string} mark
   * @param {string} text that begins with it
   */
  #takeMark(mark, text) {
    const pair = MARKS.find(([begin]) => begin === mark);
    if (pair) {
      this.#end = pair[1];
      this.#sink.thinkingBegan();
    } else if (LONE_ENDS.includes(mark)) this.#sink.thinkingWasBefore();
    if (!NOISE.includes(mark)) this.#mayHaveBegunBefore = false;
    return text.slice(mark.length);
  }

  /**
   * @param {string} text
   * @param {string} mark that ends it
   */
  #takeThinking(text, mark) {
    const end = text.indexOf(mark);
    if (end === -1) {
      const kept = heldLength(text, mark);
      this.#held = text.slice(text.length - kept);
      if (kept < text.length) this.#sink.text(text.slice(0, text.length - kept));
      return "";
    }
    if (end > 0) this.#sink.text(text.slice(0, end));
    this.#end = null;
    this.#isAtLineStart = true;
    this.#sink.thinkingEnded();
    return text.slice(end + mark.length);
  }
}

/**
 * @param {string} text
 * @param {string} mark
 * @returns {number} how much of the text's end may be the beginning of the mark
 */
function heldLength(text, mark) {
  for (let length = Math.min(mark.length - 1, text.length); length > 0; length -= 1) {
    if (text.endsWith(mark.slice(0, length))) return length;
  }
  return 0;
}
