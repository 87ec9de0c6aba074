/** Conversion of the text items that PDF.js finds on a page to lines of text. */

/**
 * @typedef {object} TextItem
 * @property {string} str
 * @property {boolean} hasEOL whether the line ends after it
 * @property {number} height height in the page's units
 * @property {number[]} transform its last entry is the height of the baseline above the page's bottom
 */

/** Distance between two lines above which a new paragraph begins, in line heights. */
const PARAGRAPH_GAP = 1.75;
/** Control characters, which some fonts use for glyphs without a meaning. */
// eslint-disable-next-line no-control-regex
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

export class PdfPage {
  #lines = "";
  #line = "";
  /** @type {{base: number, height: number} | null} last line that is not empty */
  #above = null;
  /** @type {{base: number, height: number} | null} */
  #current = null;

  /** Length of the text so far, in UTF-16 units. */
  get length() {
    return this.#lines.length + this.#line.length;
  }

  /** @param {(TextItem | {type: string})[]} items in reading order; items without text are skipped */
  add(items) {
    for (const item of items) if ("str" in item) this.#add(item);
  }

  /** @returns {string} whole text */
  finish() {
    this.#endLine();
    return this.#lines.trim();
  }

  /** @param {TextItem} item */
  #add({ str, hasEOL, height, transform }) {
    const text = str.replace(CONTROLS, "");
    if (text.trim() !== "") this.#current ??= { base: transform[5] ?? 0, height };
    this.#line += text;
    if (hasEOL) this.#endLine();
  }

  #endLine() {
    const [above, current] = [this.#above, this.#current];
    const gap = above && current ? above.base - current.base : 0;
    if (above && current && gap > PARAGRAPH_GAP * Math.max(above.height, current.height)) this.#lines += "\n";
    this.#lines += `${this.#line.trimEnd()}\n`;
    this.#line = "";
    this.#above = current ?? above;
    this.#current = null;
  }
}
