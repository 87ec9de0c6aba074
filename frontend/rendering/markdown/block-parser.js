/**
 * The block part of Markdown, line by line and only forward: CommonMark's blocks without raw HTML, and GFM's tables.
 *
 * A line is taken as soon as its beginning says what it is, and grows from there; what may still become something else
 * (a fence, the second line of a table) is held back until it is known. So nothing has ever to be taken back, and what a
 * text looks like does not depend on the pieces that it arrived in. Owns the blocks that are open; the view has the rest.
 */

import * as starts from "./block-starts.js";
import { openMathAfter } from "./math-scanner.js";

/** @typedef {import("./block-starts.js").Alignment} Alignment */
/**
 * A block that has blocks in it.
 * @typedef {object} ContainerView
 * @property {() => ContainerView} addQuote
 * @property {(start: number | null) => ListView} addList
 * @property {() => ParagraphView} addParagraph
 * @property {(level: number) => ParagraphView} addHeading
 * @property {() => void} addRule
 * @property {(info: string) => CodeView} addCode
 */
/** @typedef {{addItem: () => ContainerView}} ListView */
/**
 * A block that has text in it. `show` paints what was appended; `close` says that no more will come.
 * @typedef {object} LeafView
 * @property {(text: string) => void} append
 * @property {() => void} show
 * @property {() => void} close
 */
/**
 * @typedef {object} ParagraphParts
 * @property {(level: number) => void} becomeHeading
 * @property {(alignments: Alignment[]) => TableView | null} becomeTable null where its last line is no head for that
 */
/** @typedef {LeafView & ParagraphParts} ParagraphView */
/** @typedef {LeafView} CodeView */
/** @typedef {LeafView & {beginRow: () => void}} TableView */

/**
 * @typedef {{kind: "quote", view: ContainerView}} Quote
 * @typedef {{kind: "item", view: ContainerView, list: ListView, mark: string, indent: number}} Item
 *   indent: columns up to its text
 * @typedef {{kind: "paragraph", view: ParagraphView, line: string, math: string, isHeading: boolean}} Paragraph
 *   line: the last one; math: what ends the math that is open before it
 * @typedef {{kind: "fence", view: CodeView, marks: string, indent: number, isEmpty: boolean}} Fence
 *   marks: what began it; indent: columns before them
 * @typedef {{kind: "indented", view: CodeView, blanks: number}} Indented blanks: empty lines that may be its last ones
 * @typedef {{kind: "table", view: TableView}} Table
 */

/** How deeply blocks may lie in each other; further marks are text. */
const DEEPEST = 24;
/** How much of a line is searched for marks of math, in UTF-16 units. */
const LONGEST_MATH_LINE = 10_000;

export class BlockParser {
  #root;
  /** @type {(Quote | Item)[]} from the outermost to the innermost */
  #containers = [];
  /** @type {Paragraph | Fence | Indented | Table | null} the innermost block, while text may be added to it */
  #leaf = null;
  #held = "";
  #isInLine = false;

  /** @param {ContainerView} root */
  constructor(root) {
    this.#root = root;
  }

  /** @param {string} text */
  append(text) {
    const clean = text.replaceAll("\r", "");
    let start = 0;
    for (let end = clean.indexOf("\n"); end !== -1; end = clean.indexOf("\n", start)) {
      this.#take(clean.slice(start, end));
      this.#endLine();
      start = end + 1;
    }
    this.#take(clean.slice(start));
  }

  /** Paints the block that is being written. */
  show() {
    this.#leaf?.view.show();
  }

  /** Takes the last line as it is and closes all blocks. */
  finish() {
    if (this.#held !== "" || this.#isInLine) this.#endLine();
    this.#closeTo(0);
  }

  /** @param {string} piece of a line */
  #take(piece) {
    if (piece === "") return;
    if (this.#isInLine) return this.#write(piece);
    this.#held += piece;
    if (this.#isDecided(this.#held)) this.#beginHeld();
  }

  #endLine() {
    if (!this.#isInLine) this.#beginHeld();
    this.#isInLine = false;
    if (this.#leaf?.kind !== "paragraph") return;
    this.#leaf.math = openMathAfter(this.#leaf.line.slice(0, LONGEST_MATH_LINE), this.#leaf.math);
    if (this.#leaf.isHeading) this.#closeLeaf();
  }

  #beginHeld() {
    const line = this.#held;
    this.#held = "";
    this.#isInLine = true;
    this.#beginLine(line, isOverlong(line));
  }

  /** @param {string} text */
  #write(text) {
    if (this.#leaf?.kind === "paragraph" && this.#leaf.line.length < LONGEST_MATH_LINE) this.#leaf.line += text;
    this.#leaf?.view.append(text);
  }

  /** @param {string} line */
  #isDecided(line) {
    if (line.length >= starts.LONGEST_START) return true;
    const { matched, rest } = this.#match(line);
    if (matched === this.#containers.length) {
      if (this.#leaf?.kind === "fence") return !starts.mayCloseFence(rest, this.#leaf.marks);
      if (this.#leaf?.kind === "paragraph" && this.#leaf.math !== "") return !starts.isBlank(rest);
    }
    return !starts.isUndecided(rest);
  }

  /**
   * @param {string} line
   * @returns {{matched: number, rest: string}} how many of the open containers go on in it, and the line without their marks
   */
  #match(line) {
    let rest = line;
    let matched = 0;
    for (const container of this.#containers) {
      if (container.kind === "quote") {
        const mark = /^ {0,3}> ?/.exec(rest);
        if (!mark) break;
        rest = rest.slice(mark[0].length);
      } else if (starts.isBlank(rest)) rest = "";
      else if (starts.indentOf(rest) >= container.indent) rest = starts.outdented(rest, container.indent);
      else break;
      matched += 1;
    }
    return { matched, rest };
  }

  /**
   * @param {string} line
   * @param {boolean} isText whether no mark in it counts
   */
  #beginLine(line, isText) {
    const { matched, rest } = this.#match(line);
    const leaf = matched === this.#containers.length ? this.#leaf : null;
    if (leaf?.kind === "fence") return this.#goOnWithFence(leaf, rest, isText);
    if (!isText && starts.isBlank(rest)) return this.#blankLine(matched);
    if (leaf?.kind === "paragraph" && (leaf.math !== "" || isText)) return this.#goOnWithParagraph(leaf, rest);
    if (leaf?.kind === "indented" && starts.indentOf(rest) >= starts.CODE_INDENT) return this.#goOnWithIndented(leaf, rest);
    this.#beginBlocks(matched, rest, isText);
  }

  /**
   * @param {Fence} fence
   * @param {string} rest
   * @param {boolean} isText
   */
  #goOnWithFence(fence, rest, isText) {
    if (!isText && starts.closesFence(rest, fence.marks)) return this.#closeLeaf();
    fence.view.append(`${fence.isEmpty ? "" : "\n"}${starts.outdented(rest, fence.indent)}`);
    fence.isEmpty = false;
  }

  /**
   * @param {Paragraph} paragraph
   * @param {string} rest
   */
  #goOnWithParagraph(paragraph, rest) {
    paragraph.line = rest.trimStart();
    paragraph.view.append(`\n${paragraph.line}`);
  }

  /**
   * @param {Indented} code
   * @param {string} rest
   */
  #goOnWithIndented(code, rest) {
    code.view.append("\n".repeat(code.blanks + 1) + starts.outdented(rest, starts.CODE_INDENT));
    code.blanks = 0;
  }

  /** @param {number} matched */
  #blankLine(matched) {
    if (matched < this.#containers.length) this.#closeTo(matched);
    else if (this.#leaf?.kind === "indented") this.#leaf.blanks += 1;
    else this.#closeLeaf();
  }

  /**
   * Opens the blocks that begin in this line, or goes on with a paragraph or a table.
   * @param {number} matched
   * @param {string} line without the marks of those
   * @param {boolean} isText
   */
  #beginBlocks(matched, line, isText) {
    let rest = line;
    let depth = matched;
    let hasBegun = false;
    while (!isText && depth < DEEPEST && starts.indentOf(rest) < starts.CODE_INDENT) {
      const next = this.#beginContainer(depth, rest, hasBegun);
      if (next === null) break;
      rest = next;
      depth += 1;
      hasBegun = true;
      if (starts.isBlank(rest)) return;
    }
    if (isText || starts.indentOf(rest) >= starts.CODE_INDENT || !this.#beginLeaf(depth, rest, hasBegun)) {
      this.#beginText(depth, rest, hasBegun, isText);
    }
  }

  /**
   * @param {number} depth
   * @param {string} line
   * @param {boolean} hasBegun
   * @returns {string | null} the line behind the container's mark; null where no container begins
   */
  #beginContainer(depth, line, hasBegun) {
    const indent = starts.indentOf(line);
    const rest = line.trimStart();
    if (rest.startsWith(">")) {
      this.#closeTo(depth);
      this.#containers.push({ kind: "quote", view: this.#innermost.addQuote() });
      return rest.slice(rest[1] === " " ? 2 : 1);
    }
    if (starts.isRule(rest)) return null;
    const mark = starts.listMarkOf(rest);
    if (!mark || (!hasBegun && this.#continuesParagraph(depth, mark))) return null;
    const sibling = this.#containers[depth];
    const list = !hasBegun && sibling?.kind === "item" && sibling.mark === mark.kind ? sibling.list : null;
    this.#closeTo(depth);
    const items = list ?? this.#innermost.addList(mark.start);
    const view = items.addItem();
    this.#containers.push({ kind: "item", view, list: items, mark: mark.kind, indent: indent + mark.width });
    return mark.rest;
  }

  /**
   * A number in the middle of a paragraph is no list, nor is a mark without text; also an underline is none.
   * @param {number} depth
   * @param {import("./block-starts.js").ListMark} mark
   */
  #continuesParagraph(depth, mark) {
    if (this.#leaf?.kind !== "paragraph" || depth < this.#containers.length) return false;
    return starts.isBlank(mark.rest) || (mark.start !== null && mark.start !== 1);
  }

  /**
   * @param {number} depth
   * @param {string} line
   * @param {boolean} hasBegun
   * @returns {boolean} whether a leaf begins with that line
   */
  #beginLeaf(depth, line, hasBegun) {
    const rest = line.trimStart();
    const isInside = !hasBegun && depth === this.#containers.length;
    if (isInside && this.#leaf?.kind === "paragraph" && this.#changeParagraph(this.#leaf, rest)) return true;
    const heading = starts.headingOf(rest);
    const fence = starts.fenceOf(rest);
    if (!heading && !fence && !starts.isRule(rest)) return false;
    this.#closeTo(depth);
    if (heading) this.#openParagraph(this.#innermost.addHeading(heading.level), heading.text, true);
    else if (fence) this.#openFence(fence, starts.indentOf(line));
    else this.#innermost.addRule();
    return true;
  }

  /**
   * @param {Paragraph} paragraph
   * @param {string} rest
   * @returns {boolean} whether the line says that it is something else
   */
  #changeParagraph({ view }, rest) {
    const level = starts.underlineLevel(rest);
    if (level) {
      view.becomeHeading(level);
      this.#closeLeaf();
      return true;
    }
    const alignments = starts.alignmentsOf(rest);
    const table = alignments && view.becomeTable(alignments);
    if (table) this.#leaf = { kind: "table", view: table };
    return table !== null;
  }

  /**
   * @param {number} depth
   * @param {string} rest
   * @param {boolean} hasBegun
   * @param {boolean} isText
   */
  #beginText(depth, rest, hasBegun, isText) {
    const text = rest.trimStart();
    const leaf = hasBegun ? null : this.#leaf;
    if (leaf?.kind === "paragraph" && !starts.isFootnote(text)) return this.#goOnWithParagraph(leaf, rest);
    if (leaf?.kind === "table" && depth === this.#containers.length) {
      leaf.view.beginRow();
      return leaf.view.append(text);
    }
    this.#closeTo(depth);
    if (!isText && starts.indentOf(rest) >= starts.CODE_INDENT) this.#openIndented(starts.outdented(rest, starts.CODE_INDENT));
    else this.#openParagraph(this.#innermost.addParagraph(), text, false);
  }

  /**
   * @param {ParagraphView} view
   * @param {string} text
   * @param {boolean} isHeading
   */
  #openParagraph(view, text, isHeading) {
    this.#leaf = { kind: "paragraph", view, line: text, math: "", isHeading };
    view.append(text);
  }

  /**
   * @param {{marks: string, info: string}} fence
   * @param {number} indent
   */
  #openFence({ marks, info }, indent) {
    this.#leaf = { kind: "fence", view: this.#innermost.addCode(info), marks, indent, isEmpty: true };
  }

  /** @param {string} text */
  #openIndented(text) {
    const view = this.#innermost.addCode("");
    this.#leaf = { kind: "indented", view, blanks: 0 };
    view.append(text);
  }

  get #innermost() {
    return this.#containers.at(-1)?.view ?? this.#root;
  }

  #closeLeaf() {
    this.#leaf?.view.close();
    this.#leaf = null;
  }

  /** @param {number} depth how many containers stay open */
  #closeTo(depth) {
    this.#closeLeaf();
    this.#containers.length = Math.min(depth, this.#containers.length);
  }
}

/** @param {string} line */
function isOverlong(line) {
  return line.length >= starts.LONGEST_START && starts.isUndecided(line.slice(0, starts.LONGEST_START));
}
