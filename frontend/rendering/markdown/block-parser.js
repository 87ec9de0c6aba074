/**
 * The block part of Markdown, line by line and only forward: CommonMark's blocks without raw HTML, and GFM's tables.
 *
 * A line is taken as soon as its beginning says what it is, and grows from there; what may still become something else
 * (a fence, the second line of a table) is held back until it is known. So nothing has ever to be taken back, and what a
 * text looks like does not depend on the pieces that it arrived in. Owns the blocks that are open; the view has the rest.
 */

import * as starts from "./block-starts.js";
import { indentOf, isBlank, outdented, withoutIndent } from "./line-rest.js";
import { LONGEST_MATH, openMathAfter } from "./math-scanner.js";

/** @typedef {import("./block-starts.js").Alignment} Alignment */
/** @typedef {import("./line-rest.js").Rest} Rest */
/**
 * A block that has blocks in it.
 * @typedef {object} ContainerView
 * @property {() => ContainerView} addQuote
 * @property {(start: number | null) => ListView} addList
 * @property {() => ParagraphView} addParagraph
 * @property {(level: number) => ParagraphView} addHeading
 * @property {() => void} addRule
 * @property {(info: string) => CodeView} addCode
 * @property {(label: string) => ContainerView} addFootnote
 */
/**
 * The outermost one. `rewind` takes away what was added since the mark.
 * @typedef {ContainerView & {mark: () => object, rewind: (mark: any) => void}} RootView
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
 * @property {(level: number) => boolean} becomeHeading whether it has text, which is more than definitions of links
 * @property {(alignments: Alignment[]) => TableView | null} becomeTable null where its last line is no head for that
 */
/** @typedef {LeafView & ParagraphParts} ParagraphView */
/** @typedef {LeafView} CodeView */
/** @typedef {LeafView & {beginRow: () => void}} TableView */

/**
 * @typedef {{kind: "quote", view: ContainerView}} Quote
 * @typedef {{kind: "item", view: ContainerView, list: ListView, mark: string, indent: number, isEmpty: boolean}} Item
 *   indent: columns up to its text; isEmpty: whether nothing but blanks stands behind its mark, so far
 * @typedef {{kind: "footnote", view: ContainerView, indent: number}} Footnote
 * @typedef {{kind: "paragraph", view: ParagraphView, line: string, math: string, isHeading: boolean}} Paragraph
 *   line: the last one; math: what ends the math that is open before it
 * @typedef {{kind: "fence", view: CodeView, marks: string, indent: number, isEmpty: boolean, nested: number}} Fence
 *   marks: what began it; indent: columns before them; nested: how many are open in a block of Markdown, otherwise -1
 * @typedef {{kind: "indented", view: CodeView, blanks: string}} Indented blanks: lines that may be its last ones
 * @typedef {{kind: "table", view: TableView}} Table
 */

/** How deeply blocks may lie in each other; further marks are text. */
const DEEPEST = 24;
/** How much of a line is searched for marks of math, in UTF-16 units. */
const LONGEST_MATH_LINE = 10_000;

export class BlockParser {
  #root;
  /** @type {(Quote | Item | Footnote)[]} from the outermost to the innermost */
  #containers = [];
  /** @type {Paragraph | Fence | Indented | Table | null} the innermost block, while text may be added to it */
  #leaf = null;
  #held = "";
  #isInLine = false;
  /** Whether what is held may be lines of a formula: its end says it. */
  #isHoldingMath = false;
  /** The text of the last block in the root, and what the root had before it: a finished text may grow again. */
  #tail = "";
  #mark;
  /** @type {{tail: string, mark: object} | null} both as they were when the text was finished */
  #finished = null;

  /** @param {RootView} root */
  constructor(root) {
    this.#root = root;
    this.#mark = root.mark();
  }

  /** @param {string} text with "\n" as its line ends */
  append(text) {
    if (text !== "" && this.#finished !== null) this.reopen();
    let start = 0;
    for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n", start)) {
      this.#take(text.slice(start, end));
      this.#endLine();
      start = end + 1;
    }
    this.#take(text.slice(start));
  }

  /** Paints the block that is being written. */
  show() {
    this.#leaf?.view.show();
  }

  /** Takes the last line as it is and closes all blocks. */
  finish() {
    this.#finished ??= { tail: this.#tail + this.#held, mark: this.#mark };
    if (!this.#isHoldingMath && (this.#held !== "" || this.#isInLine)) this.#endLine();
    while (this.#isHoldingMath) this.#endHeldMath(true);
    this.#closeTo(0);
  }

  /**
   * Has the last block go on that `finish` has closed.
   * @param {number} [withdrawn] length of text at its end that does not count
   */
  reopen(withdrawn = 0) {
    if (this.#finished === null) return;
    const { tail, mark } = this.#finished;
    this.#root.rewind(mark);
    this.#mark = mark;
    this.#containers = [];
    this.#leaf = null;
    this.#finished = null;
    this.#tail = "";
    this.append(tail.slice(0, tail.length - withdrawn));
  }

  /** @param {string} piece of a line */
  #take(piece) {
    if (piece === "") return;
    if (this.#isInLine) return this.#write(piece);
    this.#held += piece;
    if (!this.#isHoldingMath && this.#isDecided(this.#held)) this.#beginHeld();
  }

  #endLine() {
    if (!this.#isInLine && !this.#isHoldingMath) this.#beginHeld();
    if (this.#isHoldingMath) return this.#endHeldMath();
    this.#isInLine = false;
    this.#tail += "\n";
    if (this.#leaf?.kind !== "paragraph") return;
    this.#leaf.math = openMathAfter(this.#leaf.line.slice(0, LONGEST_MATH_LINE), this.#leaf.math);
    if (this.#leaf.isHeading) this.#closeLeaf();
  }

  #beginHeld() {
    const line = this.#held;
    this.#isHoldingMath = this.#mayBeMath(line);
    if (this.#isHoldingMath) return;
    this.#held = "";
    this.#isInLine = true;
    this.#tail += line;
    this.#beginLine(line, isOverlong(line));
  }

  /** @param {string} text */
  #write(text) {
    this.#tail += text;
    if (this.#leaf?.kind === "paragraph" && this.#leaf.line.length < LONGEST_MATH_LINE) this.#leaf.line += text;
    this.#leaf?.view.append(text);
  }

  /** @param {string} line that goes on with a formula, or begins another block @returns {boolean} */
  #mayBeMath(line) {
    if (this.#leaf?.kind !== "paragraph" || this.#leaf.math === "" || line.length > LONGEST_MATH) return false;
    const { matched, rest } = this.#match(line);
    return matched === this.#containers.length && starts.interrupts(withoutIndent(rest.text));
  }

  /** @param {boolean} [isLast] whether no more lines come */
  #endHeldMath(isLast = false) {
    const last = this.#held.slice(this.#held.lastIndexOf("\n") + 1);
    const math = this.#leaf?.kind === "paragraph" ? this.#leaf.math : "";
    if (openMathAfter(last, math) === "") return this.#releaseMath(true);
    if (isLast || isBlank(this.#match(last).rest.text) || this.#held.length > LONGEST_MATH) return this.#releaseMath(false);
    this.#held += "\n";
  }

  /** @param {boolean} isMath whether the lines that were held belong to the formula before them */
  #releaseMath(isMath) {
    const lines = this.#held.split("\n");
    this.#held = "";
    this.#isHoldingMath = false;
    const leaf = this.#leaf;
    if (leaf?.kind === "paragraph" && !isMath) leaf.math = "";
    for (const line of lines) {
      if (isMath && leaf?.kind === "paragraph") {
        this.#tail += `${line}\n`;
        this.#goOnWithParagraph(leaf, this.#match(line).rest);
        leaf.math = openMathAfter(line, leaf.math);
      } else {
        this.#take(line);
        this.#endLine();
      }
    }
  }

  /** @param {string} line */
  #isDecided(line) {
    if (line.length >= starts.LONGEST_START) return true;
    const { matched, rest } = this.#match(line);
    if (matched === this.#containers.length && this.#leaf?.kind === "fence") return !starts.mayCloseFence(rest.text, this.#leaf.marks);
    return !starts.isUndecided(rest.text);
  }

  /**
   * @param {string} line
   * @returns {{matched: number, rest: Rest}} how many of the open containers go on in it, and the line without their marks
   */
  #match(line) {
    /** @type {Rest} */
    let rest = { text: line, column: 0 };
    let matched = 0;
    for (const container of this.#containers) {
      const next = this.#matchOne(container, rest);
      if (next === null) break;
      rest = next;
      matched += 1;
    }
    return { matched, rest };
  }

  /**
   * @param {Quote | Item | Footnote} container
   * @param {Rest} line
   * @returns {Rest | null} what of the line is in it
   */
  #matchOne(container, line) {
    if (container.kind === "quote") return starts.quotedIn(line);
    if (isBlank(line.text)) return outdented(line, container.indent);
    return indentOf(line) >= container.indent ? outdented(line, container.indent) : null;
  }

  /**
   * @param {string} line
   * @param {boolean} isText whether no mark in it counts
   */
  #beginLine(line, isText) {
    const { matched, rest } = this.#match(line);
    const leaf = matched === this.#containers.length ? this.#leaf : null;
    if (leaf?.kind === "fence") return this.#goOnWithFence(leaf, rest, isText);
    if (!isText && isBlank(rest.text)) return this.#blankLine(matched, rest);
    const container = this.#containers[matched - 1];
    if (container?.kind === "item") container.isEmpty = false;
    if (leaf?.kind === "paragraph" && (leaf.math !== "" || isText)) return this.#goOnWithParagraph(leaf, rest);
    if (leaf?.kind === "indented" && indentOf(rest) >= starts.CODE_INDENT) return this.#goOnWithIndented(leaf, rest);
    this.#beginBlocks(matched, rest, isText, line);
  }

  /**
   * @param {Fence} fence
   * @param {Rest} rest
   * @param {boolean} isText
   */
  #goOnWithFence(fence, rest, isText) {
    if (!isText && fence.nested >= 0 && starts.beginsNestedFence(rest, fence.marks)) fence.nested += 1;
    else if (!isText && starts.closesFence(rest, fence.marks)) {
      if (fence.nested <= 0) return this.#closeLeaf();
      fence.nested -= 1;
    }
    fence.view.append(`${fence.isEmpty ? "" : "\n"}${outdented(rest, fence.indent).text}`);
    fence.isEmpty = false;
  }

  /**
   * @param {Paragraph} paragraph
   * @param {Rest} rest
   */
  #goOnWithParagraph(paragraph, rest) {
    paragraph.line = withoutIndent(rest.text);
    paragraph.view.append(`\n${paragraph.line}`);
  }

  /**
   * @param {Indented} code
   * @param {Rest} rest
   */
  #goOnWithIndented(code, rest) {
    code.view.append(`${code.blanks}\n${outdented(rest, starts.CODE_INDENT).text}`);
    code.blanks = "";
  }

  /**
   * @param {number} matched
   * @param {Rest} rest
   */
  #blankLine(matched, rest) {
    const container = this.#containers.at(-1);
    if (matched < this.#containers.length) return this.#closeTo(matched);
    // Of an item that begins with two blank lines only the next item of its list may follow.
    if (container?.kind === "item" && container.isEmpty) container.indent = Infinity;
    if (this.#leaf?.kind === "indented") this.#leaf.blanks += `\n${outdented(rest, starts.CODE_INDENT).text}`;
    else this.#closeLeaf();
  }

  /**
   * Opens the blocks that begin in this line, or goes on with a paragraph or a table.
   * @param {number} matched
   * @param {Rest} rest without the marks of those
   * @param {boolean} isText
   * @param {string} line as it is
   */
  #beginBlocks(matched, rest, isText, line) {
    let depth = matched;
    let hasBegun = false;
    while (!isText && depth < DEEPEST && indentOf(rest) < starts.CODE_INDENT) {
      const next = this.#beginContainer(depth, rest, hasBegun, line);
      if (next === null) break;
      rest = next;
      depth += 1;
      hasBegun = true;
      if (isBlank(rest.text)) return;
    }
    if (isText || indentOf(rest) >= starts.CODE_INDENT || !this.#beginLeaf(depth, rest, hasBegun, line)) {
      this.#beginText(depth, rest, hasBegun, isText, line);
    }
  }

  /**
   * @param {number} depth
   * @param {Rest} rest
   * @param {boolean} hasBegun
   * @param {string} line
   * @returns {Rest | null} the line behind the container's mark; null where no container begins
   */
  #beginContainer(depth, rest, hasBegun, line) {
    const quoted = starts.quotedIn(rest);
    const text = withoutIndent(rest.text);
    if (quoted) {
      this.#closeFor(depth, line);
      this.#containers.push({ kind: "quote", view: this.#innermost.addQuote() });
      return quoted;
    }
    const footnote = starts.footnoteOf(text);
    if (footnote) {
      this.#closeFor(depth, line);
      this.#containers.push({ kind: "footnote", view: this.#innermost.addFootnote(footnote.label), indent: starts.CODE_INDENT });
      return { text: text.slice(footnote.length), column: 0 };
    }
    return starts.isRule(text) ? null : this.#beginItem(depth, rest, hasBegun, line);
  }

  /**
   * @param {number} depth
   * @param {Rest} rest
   * @param {boolean} hasBegun
   * @param {string} line
   * @returns {Rest | null}
   */
  #beginItem(depth, rest, hasBegun, line) {
    const indent = indentOf(rest);
    const mark = starts.listMarkOf({ text: withoutIndent(rest.text), column: rest.column + indent });
    if (!mark || (!hasBegun && this.#continuesParagraph(depth, mark))) return null;
    const sibling = this.#containers[depth];
    const list = !hasBegun && sibling?.kind === "item" && sibling.mark === mark.kind ? sibling.list : null;
    if (list) this.#closeTo(depth);
    else this.#closeFor(depth, line);
    const items = list ?? this.#innermost.addList(mark.start);
    const isEmpty = isBlank(mark.rest.text);
    this.#containers.push({
      kind: "item", view: items.addItem(), list: items, mark: mark.kind, indent: indent + mark.width, isEmpty,
    });
    return mark.rest;
  }

  /**
   * A number in the middle of a paragraph is no list, nor is a mark without text; also an underline is none.
   * @param {number} depth
   * @param {import("./block-starts.js").ListMark} mark
   */
  #continuesParagraph(depth, mark) {
    if (this.#leaf?.kind !== "paragraph" || depth < this.#containers.length) return false;
    return isBlank(mark.rest.text) || (mark.start !== null && mark.start !== 1);
  }

  /**
   * @param {number} depth
   * @param {Rest} rest
   * @param {boolean} hasBegun
   * @param {string} line
   * @returns {boolean} whether a leaf begins with that line
   */
  #beginLeaf(depth, rest, hasBegun, line) {
    const text = withoutIndent(rest.text);
    const isInside = !hasBegun && depth === this.#containers.length;
    if (isInside && this.#leaf?.kind === "paragraph" && this.#changeParagraph(this.#leaf, text)) return true;
    const heading = starts.headingOf(text);
    const fence = starts.fenceOf(text);
    if (!heading && !fence && !starts.isRule(text)) return false;
    this.#closeFor(depth, line);
    if (heading) this.#openParagraph(this.#innermost.addHeading(heading.level), heading.text, true);
    else if (fence) this.#openFence(fence, indentOf(rest));
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
    if (level && view.becomeHeading(level)) {
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
   * @param {Rest} rest
   * @param {boolean} hasBegun
   * @param {boolean} isText
   * @param {string} line
   */
  #beginText(depth, rest, hasBegun, isText, line) {
    const text = withoutIndent(rest.text);
    const leaf = hasBegun ? null : this.#leaf;
    if (leaf?.kind === "paragraph") return this.#goOnWithParagraph(leaf, rest);
    if (leaf?.kind === "table" && depth === this.#containers.length) {
      leaf.view.beginRow();
      return leaf.view.append(text);
    }
    this.#closeFor(depth, line);
    if (!isText && indentOf(rest) >= starts.CODE_INDENT) this.#openIndented(outdented(rest, starts.CODE_INDENT).text);
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
    const nested = /^(?:markdown|md|mdx)\b/i.test(info) ? 0 : -1;
    this.#leaf = { kind: "fence", view: this.#innermost.addCode(info), marks, indent, isEmpty: true, nested };
  }

  /** @param {string} text */
  #openIndented(text) {
    const view = this.#innermost.addCode("");
    this.#leaf = { kind: "indented", view, blanks: "" };
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

  /**
   * Closes what does not go on where a new block begins.
   * @param {number} depth how many containers stay open
   * @param {string} line in which that block begins
   */
  #closeFor(depth, line) {
    this.#closeTo(depth);
    if (depth > 0) return;
    this.#tail = line;
    this.#mark = this.#root.mark();
  }
}

/** @param {string} line */
function isOverlong(line) {
  return line.length >= starts.LONGEST_START && starts.isUndecided(line.slice(0, starts.LONGEST_START));
}
