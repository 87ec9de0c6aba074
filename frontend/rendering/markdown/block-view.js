/** The blocks of an answer on the page. Blocks that are finished are never touched again. */

import { CodeView } from "./code-view.js";
import { FormulaView } from "./formula-view.js";
import { element } from "./inline-view.js";
import { ParagraphView } from "./paragraph-view.js";

/** @typedef {import("./block-parser.js").ContainerView} Container */
/** @typedef {import("./block-parser.js").ListView} List */
/** @typedef {import("./inline-view.js").Answer} Answer */

/**
 * How many blocks stand in their container alone. Those after them stand together in groups of so many, these in larger groups, and
 * so on: a group that is not in view is one thing to the browser, so that even a long answer is a few things to it.
 */
const GROUP = 8;
/** How many levels of groups there may be. */
const LEVELS = 3;
/** The most items of one list: a long one goes on in a further list, so that a new item is laid out with few others. */
const MOST_ITEMS = 25;

/** @typedef {"root" | "quote" | "item" | "footnote"} Role */
/** @typedef {{count: number, groups: Element[], lengths: number[], level: number, definitions: number}} Mark of what is there by then */

/** @implements {Container} */
export class BlockView {
  #element;
  #answer;
  #role;
  /** @type {ParagraphView | null} the first paragraph of a footnote, which has its mark, until there is text for it */
  #lead = null;
  #count = 0;
  /** @type {Element[]} the open group of each level there is, from the innermost */
  #groups = [];

  /**
   * @param {Element} element
   * @param {Answer} answer
   * @param {Role} [role]
   * @param {string} [footnote] its label, where this is one
   */
  constructor(element, answer, role = "root", footnote = "") {
    this.#element = element;
    this.#answer = answer;
    this.#role = role;
    if (footnote !== "") this.#lead = this.#addLead(footnote);
  }

  /** @returns {Mark} */
  mark() {
    const groups = [...this.#groups];
    const lengths = [this.#element, ...groups].map((each) => each.childNodes.length);
    const { outline, references } = this.#answer;
    return { count: this.#count, groups, lengths, level: outline.level, definitions: references.size };
  }

  /** Takes away all that came after the mark. @param {Mark} mark */
  rewind({ count, groups, lengths, level, definitions }) {
    for (const [index, each] of [this.#element, ...groups].entries()) {
      while (each.childNodes.length > (lengths[index] ?? 0)) each.lastChild?.remove();
    }
    for (const group of groups) group.classList.remove("is-full");
    this.#count = count;
    this.#groups = [...groups];
    this.#answer.outline.level = level;
    this.#answer.references.rewind(definitions);
  }

  addQuote() {
    return new BlockView(this.#add(document.createElement("blockquote")), this.#answer, "quote");
  }

  /** @param {number | null} start */
  addList(start) {
    return new ListView(start, this.#answer, (list) => this.#add(list));
  }

  addParagraph() {
    const lead = this.#count === 1 ? this.#lead : null;
    this.#lead = null;
    const isInItem = this.#role === "item" && this.#count === 0;
    return lead ?? new ParagraphView(this.#add(document.createElement("p")), this.#answer, isInItem);
  }

  /** Its mark is there also where no text follows. @param {string} label */
  #addLead(label) {
    const lead = new ParagraphView(this.#add(document.createElement("p")), this.#answer, false, label);
    lead.close();
    return lead;
  }

  /** @param {string} label with its circumflex */
  addFootnote(label) {
    this.#answer.references.define(label, { href: "", title: "" });
    const footnote = this.#add(element("div", "footnote", ""));
    return new BlockView(footnote, this.#answer, "footnote", label.slice(1));
  }

  /** @param {number} level */
  addHeading(level) {
    return new ParagraphView(this.#add(this.#answer.outline.heading(level)), this.#answer, false);
  }

  addRule() {
    this.#add(document.createElement("hr"));
  }

  /** @param {string} info */
  addCode(info) {
    if (/^math\b/i.test(info)) return new FormulaView(this.#nextPlace(), this.#answer);
    return new CodeView(this.#nextPlace(), info, this.#answer);
  }

  /**
   * A block in the root has the direction of its first letter, and what is in it that of the block: a list has its marks
   * on one side. A browser looks for that letter only in elements without a direction of their own.
   * @template {Element} T
   * @param {T} block
   */
  #add(block) {
    if (this.#role === "root") block.setAttribute("dir", "auto");
    this.#nextPlace().append(block);
    return block;
  }

  /** @returns {Element} where the next block goes */
  #nextPlace() {
    for (let level = LEVELS - 1; level >= 0; level -= 1) {
      const size = GROUP ** (level + 1);
      if (this.#count >= size && this.#count % size === 0) this.#openGroup(level);
    }
    this.#count += 1;
    return this.#groups[0] ?? this.#element;
  }

  /** @param {number} level */
  #openGroup(level) {
    const group = element("div", `blocks blocks-${level}`, "");
    this.#groups[level]?.classList.add("is-full");
    (this.#groups[level + 1] ?? this.#element).append(group);
    this.#groups[level] = group;
  }
}

/** @implements {List} */
class ListView {
  #start;
  #answer;
  #add;
  #list;
  #count = 0;

  /**
   * @param {number | null} start number of its first item
   * @param {Answer} answer
   * @param {(list: HTMLElement) => HTMLElement} add takes each piece of it, which is a block
   */
  constructor(start, answer, add) {
    this.#start = start;
    this.#answer = answer;
    this.#add = add;
    this.#list = add(listElement(start));
  }

  addItem() {
    if (this.#count > 0 && this.#count % MOST_ITEMS === 0) this.#goOn();
    this.#count += 1;
    const item = document.createElement("li");
    this.#list.append(item);
    return new BlockView(item, this.#answer, "item");
  }

  #goOn() {
    const next = listElement(this.#start === null ? null : this.#start + this.#count);
    next.classList.add("continued");
    this.#list = this.#add(next);
  }
}

/** @param {number | null} start */
function listElement(start) {
  const list = document.createElement(start === null ? "ul" : "ol");
  if (start !== null && start !== 1) list.setAttribute("start", String(start));
  return list;
}
