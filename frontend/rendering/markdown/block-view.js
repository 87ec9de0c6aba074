/** View of an answer's blocks. Finished blocks are never changed. */

import { CodeView } from "./code-view.js";
import { FormulaView } from "./formula-view.js";
import { element } from "./inline-view.js";
import { ParagraphView } from "./paragraph-view.js";

/** @typedef {import("./block-parser.js").ContainerView} Container */
/** @typedef {import("./block-parser.js").ListView} List */
/** @typedef {import("./inline-view.js").Answer} Answer */

/**
 * Number of blocks that are direct children of their container. Later blocks are in groups of this size, those groups
 * in larger groups, and so on. The browser skips a whole group that is out of view, so that even a long answer has few
 * elements to lay out.
 */
const GROUP = 8;
/** Largest depth of groups. */
const LEVELS = 3;
/**
 * Largest number of items in one list element. A long list continues in another element, so that a new item changes the
 * layout of few others.
 */
const MOST_ITEMS = 25;

/** @typedef {"root" | "quote" | "item" | "footnote"} Role */
/** @typedef {{count: number, groups: Element[], lengths: number[], level: number, definitions: number}} Mark state to rewind to */

/** @implements {Container} */
export class BlockView {
  #element;
  #answer;
  #role;
  /** @type {ParagraphView | null} first paragraph of a footnote, which shows the footnote's mark, until it gets text */
  #lead = null;
  #count = 0;
  /** @type {Element[]} open group of each level, the innermost first */
  #groups = [];

  /**
   * @param {Element} element
   * @param {Answer} answer
   * @param {Role} [role]
   * @param {string} [footnote] label, if this is a footnote
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

  /** Remove everything that was added after the mark. @param {Mark} mark */
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

  /** Add the footnote's mark now, since it is shown even if no text follows. @param {string} label */
  #addLead(label) {
    const lead = new ParagraphView(this.#add(document.createElement("p")), this.#answer, false, label);
    lead.close();
    return lead;
  }

  /** @param {string} label label with the circumflex */
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
   * Add a block. A block in the root gets the direction of its first letter, and its content inherits it, so that all
   * marks of a list are on one side. For that letter a browser skips elements that have a direction of their own.
   * @template {Element} T
   * @param {T} block
   */
  #add(block) {
    if (this.#role === "root") block.setAttribute("dir", "auto");
    this.#nextPlace().append(block);
    return block;
  }

  /** @returns {Element} parent of the next block */
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
   * @param {number | null} start number of the first item; null for an unordered list
   * @param {Answer} answer
   * @param {(list: HTMLElement) => HTMLElement} add adds each list element to the page
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
