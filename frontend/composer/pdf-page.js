/** From what PDF.js finds on a page to lines of text. */

/**
 * @typedef {object} TextItem
 * @property {string} str
 * @property {boolean} hasEOL whether the line ends behind it
 * @property {number} height in the page's units
 * @property {number[]} transform its last entry is the place of the baseline, counted upwards
 */

/** A line that lies further below the last one begins a new paragraph. In heights of a line. */
const PARAGRAPH_GAP = 1.75;
/** Control characters, which some fonts have for glyphs without a meaning. */
// eslint-disable-next-line no-control-regex
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

export class PdfPage {
  #lines = "";
  #line = "";
  /** @type {{base: number, height: number} | null} the last line with something on it */
  #above = null;
  /** @type {{base: number, height: number} | null} */
  #current = null;

  /** UTF-16 units so far. */
  get length() {
    return this.#lines.length + this.#line.length;
  }

  /** @param {(TextItem | {type: string})[]} items in the order in which they are read; marks without text are skipped */
  add(items) {
    for (const item of items) if ("str" in item) this.#add(item);
  }

  /** @returns {string} all of it */
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
