/**
 * Plain text that only grows. New text is appended; existing text is never changed. The text is split at line ends into
 * blocks of bounded size, so that the browser lays out only the last block.
 */

/** Length after which a block ends at the next line end, in UTF-16 units. */
const BLOCK_LENGTH = 1000;

export class GrowingText {
  #element;
  /** @type {HTMLElement | null} */
  #block = null;
  #blockLength = 0;

  /** @param {HTMLElement} element */
  constructor(element) {
    this.#element = element;
  }

  clear() {
    this.#element.replaceChildren();
    this.#block = null;
    this.#blockLength = 0;
  }

  /** Do nothing: plain text has no open parts to close. MarkdownText has the same method. */
  finish() {}

  /** @param {string} text */
  append(text) {
    let rest = text;
    while (rest !== "") {
      const length = this.#lengthForBlock(rest);
      this.#write(rest.slice(0, length));
      rest = rest.slice(length);
    }
  }

  /**
   * Return the length of the text's first part that belongs to the current block.
   * @param {string} text
   */
  #lengthForBlock(text) {
    const room = Math.max(0, BLOCK_LENGTH - this.#blockLength);
    const lineEnd = text.indexOf("\n", room);
    return lineEnd === -1 ? text.length : lineEnd + 1;
  }

  /** @param {string} piece */
  #write(piece) {
    this.#block ??= this.#addBlock();
    this.#block.append(piece);
    this.#blockLength += piece.length;
    if (this.#blockLength > BLOCK_LENGTH && piece.endsWith("\n")) this.#block = null;
  }

  #addBlock() {
    const block = document.createElement("div");
    this.#element.append(block);
    this.#blockLength = 0;
    return block;
  }
}
