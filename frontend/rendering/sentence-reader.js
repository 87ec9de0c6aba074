/**
 * Cuts text that arrives in pieces into sentences, for people who listen. Marks of Markdown that would be read out are
 * left out; of a block of code there is only the word.
 */

/** What is longer without an end is cut between two words. UTF-16 units. */
const LONGEST = 400;
/** A sentence's end within a line: its mark, what closes behind it, and a space; in Chinese and Japanese the mark alone. */
const END = /[.!?…]["'”’»)\]*_]*\s|[。！？]/;
const FENCE = /^\s*(`{3,}|~{3,})/;
/** What draws a line or the frame of a table. */
const RULE = /^[\s|:=*_-]*$/;

export class SentenceReader {
  #line = "";
  #isAtLineStart = true;
  /** The mark that ends the present block of code; "" outside of one. */
  #fence = "";

  /**
   * @param {string} text
   * @returns {string[]} the sentences that it completes
   */
  push(text) {
    const lines = text.split("\n");
    const last = lines.pop() ?? "";
    const sentences = lines.flatMap((line) => this.#endLine(line));
    return [...sentences, ...this.#grow(last)];
  }

  /** @returns {string[]} what is left over at the end of the text */
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

  /** 0 while it has no end. */
  #lengthOfSentence() {
    const start = this.#isAtLineStart ? (/^\s*(?:\d+[.)]\s)?/.exec(this.#line)?.[0].length ?? 0) : 0;
    const end = END.exec(this.#line.slice(start, start + LONGEST));
    if (end) return start + end.index + end[0].length;
    if (this.#line.length < start + LONGEST) return 0;
    const space = this.#line.lastIndexOf(" ", start + LONGEST - 1);
    return space > start ? space + 1 : start + LONGEST;
  }

  /** @param {string} line that opens or closes a block of code */
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
 * @returns {string[]} one sentence, or none where there is nothing to say
 */
function spoken(text) {
  if (RULE.test(text)) return [];
  const said = text
    .replace(/^\s*(?:#{1,6}|[-*+]|>+)\s/, "")
    .replace(/\*\*|__|~~|`+/g, "")
    .replace(/\s*\|\s*/g, " ");
  return said.trim() === "" ? [] : [said.trim()];
}
