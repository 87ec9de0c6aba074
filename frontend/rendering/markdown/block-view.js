/** The blocks of an answer on the page. Blocks that are finished are never touched again. */

import { CodeView } from "./code-view.js";
import { ParagraphView } from "./paragraph-view.js";

/** @typedef {import("./block-parser.js").ContainerView} Container */
/** @typedef {import("./block-parser.js").ListView} List */
/** @typedef {import("./inline-view.js").Answer} Answer */

/** How many blocks stand together: the browser looks at a group that is not in view as one thing, and paints the last one anew. */
const GROUP = 8;
/** The most items of one list: a long one goes on in a further list, so that a new item is laid out with few others. */
const MOST_ITEMS = 100;

/** @implements {Container} */
export class BlockView {
  #element;
  #answer;
  #isItem;
  #count = 0;

  /**
   * @param {Element} element
   * @param {Answer} answer
   * @param {boolean} [isItem] of a list
   */
  constructor(element, answer, isItem = false) {
    this.#element = element;
    this.#answer = answer;
    this.#isItem = isItem;
  }

  addQuote() {
    return new BlockView(this.#add(document.createElement("blockquote")), this.#answer);
  }

  /** @param {number | null} start */
  addList(start) {
    return new ListView(this.#add(listElement(start)), start, this.#answer);
  }

  addParagraph() {
    const isFirst = this.#isItem && this.#count === 0;
    return new ParagraphView(this.#add(document.createElement("p")), this.#answer, isFirst);
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
    this.#count += 1;
    return new CodeView(this.#element, info, this.#answer);
  }

  /**
   * @template {Element} T
   * @param {T} block
   */
  #add(block) {
    this.#count += 1;
    this.#element.append(block);
    return block;
  }
}

/** The outermost blocks, in groups. @implements {Container} */
export class RootView {
  #element;
  #answer;
  /** @type {BlockView | null} */
  #group = null;
  #count = 0;

  /**
   * @param {Element} element
   * @param {Answer} answer
   */
  constructor(element, answer) {
    this.#element = element;
    this.#answer = answer;
  }

  addQuote() {
    return this.#next.addQuote();
  }

  /** @param {number | null} start */
  addList(start) {
    return this.#next.addList(start);
  }

  addParagraph() {
    return this.#next.addParagraph();
  }

  /** @param {number} level */
  addHeading(level) {
    return this.#next.addHeading(level);
  }

  addRule() {
    this.#next.addRule();
  }

  /** @param {string} info */
  addCode(info) {
    return this.#next.addCode(info);
  }

  /** @returns {BlockView} where the next block goes */
  get #next() {
    if (!this.#group || this.#count === GROUP) {
      const group = document.createElement("div");
      group.className = "blocks";
      this.#element.append(group);
      this.#group = new BlockView(group, this.#answer);
      this.#count = 0;
    }
    this.#count += 1;
    return this.#group;
  }
}

/** @implements {List} */
class ListView {
  #list;
  #start;
  #answer;
  #count = 0;

  /**
   * @param {HTMLElement} list
   * @param {number | null} start number of its first item
   * @param {Answer} answer
   */
  constructor(list, start, answer) {
    this.#list = list;
    this.#start = start;
    this.#answer = answer;
  }

  addItem() {
    if (this.#count > 0 && this.#count % MOST_ITEMS === 0) this.#goOn();
    this.#count += 1;
    const item = document.createElement("li");
    item.setAttribute("dir", "auto");
    this.#list.append(item);
    return new BlockView(item, this.#answer, true);
  }

  #goOn() {
    const next = listElement(this.#start === null ? null : this.#start + this.#count);
    next.classList.add("continued");
    this.#list.after(next);
    this.#list = next;
  }
}

/** @param {number | null} start */
function listElement(start) {
  const list = document.createElement(start === null ? "ul" : "ol");
  if (start !== null && start !== 1) list.setAttribute("start", String(start));
  return list;
}
