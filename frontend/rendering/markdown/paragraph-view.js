/** View of a paragraph or a heading. A long one is split, so that the part that still grows is short. */

import { cellsOf } from "./block-starts.js";
import { decoded } from "./entities.js";
import { InlineView } from "./inline-view.js";
import { isBlank, withoutBlanks } from "./line-rest.js";
import { isLabel, scanDefinition } from "./link-scanner.js";
import { TableView } from "./table-view.js";

/** @typedef {import("./block-parser.js").ParagraphView} Port */
/** @typedef {import("./block-starts.js").Alignment} Alignment */
/** @typedef {import("./inline-view.js").Answer} Answer */
/** @typedef {import("./inline-view.js").ShownToken} ShownToken */

/** Longest piece of a paragraph, in UTF-16 units. */
const LONGEST = 3000;
/**
 * Painting time in milliseconds above which a growing piece is painted less often: the next time when it is longer by
 * the factor `GROWTH`.
 */
const PAINT_MS = 8;
const GROWTH = 1.2;
/** Length up to which a line that may be a table's head isn't shown, in UTF-16 units. */
const LONGEST_HEAD = 500;

const TASK = /^\[([ xX])\][ \t]+/;

/** @implements {Port} */
export class ParagraphView {
  #element;
  #inline;
  #answer;
  #isInItem;
  #footnote;
  #text = "";
  #isShown = true;
  #isContinued = false;
  #nextLength = 0;

  /**
   * @param {HTMLElement} element
   * @param {Answer} answer
   * @param {boolean} isInItem true for the first paragraph of a list item, which may be a task
   * @param {string} [footnote] label of the footnote that the paragraph begins
   */
  constructor(element, answer, isInItem, footnote = "") {
    this.#element = element;
    this.#answer = answer;
    this.#isInItem = isInItem;
    this.#footnote = footnote;
    this.#inline = new InlineView(element, answer);
  }

  /** @param {string} text */
  append(text) {
    this.#text += this.#text === "" && !this.#isContinued ? text.replace(/^\n/, "") : text;
    this.#isShown = false;
    while (this.#text.length > LONGEST) this.#split();
  }

  show() {
    if (this.#isShown || this.#mayBeHead() || this.#mayBeDefinition()) return;
    if (this.#text.length < this.#nextLength) return;
    this.#isShown = true;
    const start = this.#answer.now();
    this.#paint(true);
    if (this.#answer.now() - start > PAINT_MS) this.#nextLength = this.#text.length * GROWTH;
  }

  close() {
    this.#defineLinks();
    if (this.#isEmpty && this.#footnote === "") this.#element.remove();
    else this.#paint(false);
  }

  get #isEmpty() {
    return isBlank(this.#text.replaceAll("\n", ""));
  }

  /** @param {number} level */
  becomeHeading(level) {
    this.#defineLinks();
    if (this.#isEmpty) return false;
    const heading = this.#answer.outline.heading(level);
    if (this.#element.hasAttribute("dir")) heading.setAttribute("dir", "auto");
    this.#inline.moveTo(heading);
    this.#element.replaceWith(heading);
    this.#element = heading;
    return true;
  }

  /**
   * @param {Alignment[]} alignments
   * @returns {TableView | null}
   */
  becomeTable(alignments) {
    const start = this.#text.lastIndexOf("\n") + 1;
    const head = this.#text.slice(start);
    if (this.#isContinued || cellsOf(head).length !== alignments.length) return null;
    const table = new TableView(this.#element, alignments, head, this.#answer);
    this.#text = this.#text.slice(0, start);
    this.close();
    return table;
  }

  #mayBeHead() {
    return !this.#isContinued && this.#text.length < LONGEST_HEAD && /^\|[^\n]*\n?$/.test(this.#text);
  }

  #mayBeDefinition() {
    return !this.#isContinued && this.#text.length < LONGEST_HEAD && /^\[[^\]\n]+\]:/.test(this.#text);
  }

  /** End this piece at a space, and continue with a new one. */
  #split() {
    const space = this.#text.lastIndexOf(" ", LONGEST - 1);
    const lineEnd = this.#text.lastIndexOf("\n", LONGEST - 1);
    const cut = Math.max(space, lineEnd) + 1;
    const end = cut > LONGEST / 2 ? cut : wholeCharacters(this.#text, LONGEST);
    const rest = this.#text.slice(end);
    this.#text = this.#text.slice(0, end);
    this.#paint(false, this.#text);
    const next = /** @type {HTMLElement} */ (this.#element.cloneNode(false));
    next.classList.add("continued");
    this.#element.classList.add("is-full");
    this.#element.after(next);
    this.#element = next;
    this.#inline = new InlineView(next, this.#answer);
    this.#text = rest;
    this.#nextLength = 0;
    this.#isContinued = true;
  }

  /** Remove link definitions from the beginning of the text. */
  #defineLinks() {
    if (this.#isContinued) return;
    const { references, entities } = this.#answer;
    const read = (/** @type {string} */ source) => decoded(source, (name) => entities.find(name));
    for (let found = scanDefinition(this.#text); found && isLabel(found.label); found = scanDefinition(this.#text)) {
      references.define(found.label, { href: read(found.href), title: read(found.title) });
      this.#text = this.#text.slice(found.length);
    }
  }

  /**
   * @param {boolean} isOpen
   * @param {string} [text] text to paint; trimmed, unless another piece follows
   */
  #paint(isOpen, text = withoutBlanks(this.#text)) {
    const isHeading = this.#element.classList.contains("heading");
    if (isHeading) text = text.replace(/(^|[ \t])#+$/, "").replace(/[ \t]+$/, "");
    /** @type {ShownToken[]} */
    const before = [];
    if (!this.#isContinued && !isHeading) text = this.#withoutMark(text, before);
    this.#inline.show(text, isOpen, before);
  }

  /**
   * @param {string} text
   * @param {ShownToken[]} before receives the token of the mark
   */
  #withoutMark(text, before) {
    if (this.#footnote !== "") before.push({ type: "footnote", label: this.#footnote });
    const task = this.#isInItem ? TASK.exec(text) : null;
    if (!task) return text;
    before.push({ type: "task", isDone: task[1] !== " " });
    this.#element.parentElement?.classList.add("task");
    return text.slice(task[0].length);
  }
}

/**
 * @param {string} text
 * @param {number} length
 * @returns {number} the length, or one less if it would split a surrogate pair
 */
export function wholeCharacters(text, length) {
  const last = text.charCodeAt(length - 1);
  return last >= 0xd800 && last < 0xdc00 ? length - 1 : length;
}
