/** A paragraph or a heading on the page. A long one is split, so that what is still written is short. */

import { cellsOf } from "./block-starts.js";
import { InlineView } from "./inline-view.js";
import { definitionAt } from "./references.js";
import { TableView } from "./table-view.js";

/** @typedef {import("./block-parser.js").ParagraphView} Port */
/** @typedef {import("./block-starts.js").Alignment} Alignment */
/** @typedef {import("./inline-view.js").Answer} Answer */
/** @typedef {import("./inline-view.js").ShownToken} ShownToken */

/** The longest piece of a paragraph, in UTF-16 units. */
const LONGEST = 3000;
/** What may be spent on painting a piece that still grows, in milliseconds; and how much it grows before the next time, if it is more. */
const PAINT_MS = 8;
const GROWTH = 1.2;
/** How long the first line of what may be a table is kept from being shown. */
const LONGEST_HEAD = 500;

const TASK = /^\[([ xX])\][ \t]+/;
const FOOTNOTE = /^\[\^([^\]\s]{1,40})\]:[ \t]*/;

/** @implements {Port} */
export class ParagraphView {
  #element;
  #inline;
  #answer;
  #isInItem;
  #text = "";
  #isShown = true;
  #isContinued = false;
  #nextLength = 0;

  /**
   * @param {HTMLElement} element
   * @param {Answer} answer
   * @param {boolean} isInItem whether it is the first one of a list's item, which may be a task
   */
  constructor(element, answer, isInItem) {
    this.#element = element;
    this.#element.setAttribute("dir", "auto");
    this.#answer = answer;
    this.#isInItem = isInItem;
    this.#inline = new InlineView(element, answer);
  }

  /** @param {string} text */
  append(text) {
    this.#text += text;
    this.#isShown = false;
    while (this.#text.length > LONGEST) this.#split();
  }

  show() {
    if (this.#isShown || this.#mayBeHead()) return;
    if (this.#text.length < this.#nextLength) return;
    this.#isShown = true;
    const start = performance.now();
    this.#paint(true);
    if (performance.now() - start > PAINT_MS) this.#nextLength = this.#text.length * GROWTH;
  }

  close() {
    this.#define();
    if (this.#text.trim() === "") this.#element.remove();
    else this.#paint(false);
  }

  /** @param {number} level */
  becomeHeading(level) {
    const heading = this.#answer.outline.heading(level);
    heading.setAttribute("dir", "auto");
    this.#inline.moveTo(heading);
    this.#element.replaceWith(heading);
    this.#element = heading;
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

  /** Ends this piece at a space and goes on with a new one. */
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

  #define() {
    if (this.#isContinued) return;
    for (let found = definitionAt(this.#text); found; found = definitionAt(this.#text)) {
      this.#answer.references.define(found.label, found.definition);
      this.#text = this.#text.slice(found.length);
    }
  }

  /**
   * @param {boolean} isOpen
   * @param {string} [text] without the space at its end, unless more of the paragraph follows
   */
  #paint(isOpen, text = this.#text.trimEnd()) {
    const isHeading = this.#element.classList.contains("heading");
    if (isHeading) text = text.replace(/(^|[ \t])#+$/, "").trimEnd();
    /** @type {ShownToken[]} */
    const before = [];
    if (!this.#isContinued && !isHeading) text = this.#withoutMark(text, before);
    this.#inline.show(text, isOpen, before);
  }

  /**
   * @param {string} text
   * @param {ShownToken[]} before takes what stands for the mark
   */
  #withoutMark(text, before) {
    const task = this.#isInItem ? TASK.exec(text) : null;
    const footnote = FOOTNOTE.exec(text);
    if (task) {
      before.push({ type: "task", isDone: task[1] !== " " });
      this.#element.parentElement?.classList.add("task");
    }
    if (footnote) before.push({ type: "footnote", label: footnote[1] ?? "" });
    this.#element.classList.toggle("footnote", footnote !== null);
    return text.slice((task ?? footnote)?.[0].length ?? 0);
  }
}

/**
 * @param {string} text
 * @param {number} length
 * @returns {number} the same, or one less where that would part a surrogate pair
 */
export function wholeCharacters(text, length) {
  const last = text.charCodeAt(length - 1);
  return last >= 0xd800 && last < 0xdc00 ? length - 1 : length;
}
