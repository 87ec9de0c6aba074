/**
 * Tokens of one answer: the pieces of text in its log, and their places in the answer's text. Changed by Exploring only.
 */

/** @typedef {import("./api.js").GenerationText} GenerationText */

export class AnswerTokens {
  /** @type {string[]} */
  #texts = [];
  /** @type {number[]} number of each token's event in the log */
  #seqs = [];
  /** @type {number[]} place of each token in the answer's text, in UTF-16 units; one more for the end */
  #begins;
  /** Number of the newest event that is known. */
  #last = 0;

  /**
   * @param {string} generation
   * @param {number} base length of the answer's text before this generation, in UTF-16 units
   * @param {boolean} isFinished
   */
  constructor(generation, base, isFinished) {
    this.generation = generation;
    this.isFinished = isFinished;
    this.#begins = [base];
  }

  get count() {
    return this.#texts.length;
  }

  /** Number of the newest event that is known. */
  get last() {
    return this.#last;
  }

  /** Place after the newest known token in the answer's text, in UTF-16 units. */
  get end() {
    return /** @type {number} */ (this.#begins.at(-1));
  }

  /** @param {string} text of the next event; "" for an event that is no text */
  add(text) {
    this.#last += 1;
    if (text === "") return;
    this.#begins.push(this.end + text.length);
    this.#texts.push(text);
    this.#seqs.push(this.#last);
  }

  /**
   * Pass over events whose text is not part of the answer's text.
   * @param {number} count
   */
  skip(count) {
    this.#last += count;
  }

  /** @param {number} index from 0; `count` for the place after the last token */
  textOf(index) {
    return this.#texts[index] ?? "";
  }

  /**
   * Return the number of a token's event. For the place after the last token it is the number of the next event.
   * @param {number} index
   */
  seqOf(index) {
    return this.#seqs[index] ?? this.#last + 1;
  }

  /** @param {number} index @returns {[begin: number, end: number]} place in the answer's text, in UTF-16 units */
  placeOf(index) {
    const begin = this.#begins[index] ?? this.end;
    return [begin, this.#begins[index + 1] ?? begin];
  }

  /**
   * Find the token at a place in the answer's text.
   * @param {number} place in UTF-16 units
   * @returns {number} -1 if it is before the first or after the last one
   */
  indexAt(place) {
    if (place < this.placeOf(0)[0] || place >= this.end) return -1;
    let [low, high] = [0, this.count - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (this.placeOf(middle)[0] <= place) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

/**
 * Match a generation's log with the text of its message.
 * @param {GenerationText} log
 * @param {{content: string, isWriting: boolean}} message content: while it is being written, its text before this generation
 * @returns {AnswerTokens | null} null if the message has another text: the user has changed it
 */
export function tokensOf({ id, pieces, steered = [] }, { content, isWriting }) {
  const skipped = steered.at(-1)?.seq ?? 0;
  const shown = pieces.slice(skipped);
  const text = shown.join("");
  if (!isWriting && !content.endsWith(text)) return null;
  const tokens = new AnswerTokens(id, isWriting ? content.length : content.length - text.length, !isWriting);
  tokens.skip(skipped);
  for (const piece of shown) tokens.add(piece);
  return tokens;
}
