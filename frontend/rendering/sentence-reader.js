/**
 * Splitter that cuts a growing text into sentences, for screen readers. It removes Markdown marks that would be read
 * out, and replaces a code block by the words "Code block".
 */

/** Longest sentence, in UTF-16 units. A longer one is cut between two words. */
const LONGEST = 400;
/**
 * End of a sentence within a line: a mark, closing quotes or brackets, and a space; in Chinese and Japanese the mark
 * alone.
 */
const END = /[.!?…]["'”’»)\]*_]*\s|[。！？]/;
const FENCE = /^\s*(`{3,}|~{3,})/;
/** A rule or the frame of a table. */
const RULE = /^[\s|:=*_-]*$/;

export class SentenceReader {
  #line = "";
  #isAtLineStart = true;
  /** Fence that ends the current code block; "" outside code. */
  #fence = "";

  /**
   * @param {string} text
   * @returns {string[]} the sentences that the text completes
   */
  push(text) {
    const lines = text.split("\n");
    const last = lines.pop() ?? "";
    const sentences = lines.flatMap((line) => this.#endLine(line));
    return [...sentences, ...this.#grow(last)];
  }

  /** @returns {string[]} the unfinished sentence at the end of the text */
  end() {
    const rest = this.#endLine("");
    this.#fence = "";
    return rest;
  }

  /** @param {string} text the rest of a line */
  #endLine(text) {
    const sentences = this.#grow(text);
    const line = this.#line;
    const isWhole = this.#isAtLineStart;
    this.#line = "";
    this.#isAtLineStart = true;
    if (isWhole && FENCE.test(line)) return [...sentences, ...this.#passFence(line)];
    return this.#fence ? sentences : [...sentences, ...spoken(line)];
  }

  /** @param {string} text without a line end */
  #grow(text) {
    const sentences = [];
    this.#line += text;
    while (!this.#mayBeFence()) {
      const length = this.#lengthOfSentence();
      if (length === 0) break;
      if (!this.#fence) sentences.push(...spoken(this.#line.slice(0, length)));
      this.#line = this.#line.slice(length);
      this.#isAtLineStart = false;
    }
    return sentences;
  }

  #mayBeFence() {
    return this.#isAtLineStart && FENCE.test(this.#line) && this.#line.length < LONGEST;
  }

  /** Return the length of the first sentence; 0 if it has no end yet. */
  #lengthOfSentence() {
    const start = this.#isAtLineStart ? (/^\s*(?:\d+[.)]\s)?/.exec(this.#line)?.[0].length ?? 0) : 0;
    const end = END.exec(this.#line.slice(start, start + LONGEST));
    if (end) return start + end.index + end[0].length;
    if (this.#line.length < start + LONGEST) return 0;
    const space = this.#line.lastIndexOf(" ", start + LONGEST - 1);
    return space > start ? space + 1 : start + LONGEST;
  }

  /** @param {string} line fence that opens or closes a code block */
  #passFence(line) {
    const mark = FENCE.exec(line)?.[1] ?? "";
    if (this.#fence === "") {
      this.#fence = mark;
      return ["Code block."];
    }
    if (mark.startsWith(this.#fence) && line.trim() === mark) this.#fence = "";
    return [];
  }
}

/**
 * @param {string} text
 * @returns {string[]} one sentence; empty if there is nothing to read out
 */
function spoken(text) {
  if (RULE.test(text)) return [];
  const said = text
    .replace(/^\s*(?:#{1,6}|[-*+]|>+)\s/, "")
    .replace(/\*\*|__|~~|`+/g, "")
    .replace(/\s*\|\s*/g, " ");
  return said.trim() === "" ? [] : [said.trim()];
}
