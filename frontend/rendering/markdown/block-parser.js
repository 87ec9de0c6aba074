/**
 * Parser for Markdown blocks: CommonMark without raw HTML, and GFM's tables. It reads line by line and never goes back.
 *
 * A line is added to its block as soon as its beginning decides what the block is. Text that may still become something
 * else (a fence, the second line of a table) is held back until that is decided. So nothing on the page has to be
 * undone, and the result doesn't depend on how the text was split into pieces. Owns the open blocks; the view owns the
 * rest.
 */

import * as starts from "./block-starts.js";
import { indentOf, isBlank, outdented, withoutIndent } from "./line-rest.js";
import { LONGEST_MATH, openMathAfter } from "./math-scanner.js";

/** @typedef {import("./block-starts.js").Alignment} Alignment */
/** @typedef {import("./line-rest.js").Rest} Rest */
/**
 * View of a block that contains blocks.
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
 * View of the outermost block. `rewind` removes everything that was added after the mark.
 * @typedef {ContainerView & {mark: () => object, rewind: (mark: any) => void}} RootView
 */
/** @typedef {{addItem: () => ContainerView}} ListView */
/**
 * View of a block that contains text. `show` paints the appended text; `close` ends the block.
 * @typedef {object} LeafView
 * @property {(text: string) => void} append
 * @property {() => void} show
 * @property {() => void} close
 */
/**
 * @typedef {object} ParagraphParts
 * @property {(level: number) => boolean} becomeHeading false if the paragraph has only link definitions
 * @property {(alignments: Alignment[]) => TableView | null} becomeTable null if the last line can't be the table's head
 */
/** @typedef {LeafView & ParagraphParts} ParagraphView */
/** @typedef {LeafView} CodeView */
/** @typedef {LeafView & {beginRow: () => void}} TableView */

/**
 * @typedef {{kind: "quote", view: ContainerView}} Quote
 * @typedef {{kind: "item", view: ContainerView, list: ListView, mark: string, indent: number, isEmpty: boolean}} Item
 *   indent: columns up to the item's text; isEmpty: true while only blanks follow the mark
 * @typedef {{kind: "footnote", view: ContainerView, indent: number}} Footnote
 * @typedef {{kind: "paragraph", view: ParagraphView, line: string, math: string, isHeading: boolean}} Paragraph
 *   line: the last line; math: end mark of the math that is open before that line
 * @typedef {{kind: "fence", view: CodeView, marks: string, indent: number, isEmpty: boolean, nested: number}} Fence
 *   marks: the opening fence; indent: columns before it; nested: number of open inner fences in a Markdown block, else -1
 * @typedef {{kind: "indented", view: CodeView, blanks: string}} Indented blanks: blank lines that may be part of the
 *   code
 * @typedef {{kind: "table", view: TableView}} Table
 */

/** Largest nesting depth of blocks. Deeper marks are text. */
const DEEPEST = 24;
/** Longest line that is searched for math, in UTF-16 units. */
const LONGEST_MATH_LINE = 10_000;

export class BlockParser {
  #root;
  /** @type {(Quote | Item | Footnote)[]} from the outermost to the innermost */
  #containers = [];
  /** @type {Paragraph | Fence | Indented | Table | null} innermost block, while it accepts text */
  #leaf = null;
  #held = "";
  #isInLine = false;
  /** True if the held lines may belong to a formula; a later line decides. */
  #isHoldingMath = false;
  /**
   * Source of the root's last block, to parse it again if a finished text continues. `#mark` is the view before that
   * block.
   */
  #tail = "";
  #mark;
  /** @type {{tail: string, mark: object} | null} both values at the time of `finish` */
  #finished = null;

  /** @param {RootView} root */
  constructor(root) {
    this.#root = root;
    this.#mark = root.mark();
  }

  /** @param {string} text text with "\n" as line ends */
  append(text) {
    if (text !== "" && this.#finished !== null) this.reopen();
    let start = 0;
    for (let end = text.indexOf("\n"); end !== -1; end = text.indexOf("\n", start)) {
      this.#addPiece(text.slice(start, end));
      this.#endLine();
      start = end + 1;
    }
    this.#addPiece(text.slice(start));
  }

  /** Paint the open block. */
  show() {
    this.#leaf?.view.show();
  }

  /** Parse the last line as it is, and close all blocks. */
  finish() {
    this.#finished ??= { tail: this.#tail + this.#held, mark: this.#mark };
    if (!this.#isHoldingMath && (this.#held !== "" || this.#isInLine)) this.#endLine();
    while (this.#isHoldingMath) this.#endHeldMath(true);
    this.#closeTo(0);
  }

  /**
   * Continue the last block after `finish` has closed it.
   * @param {number} [withdrawn] length of the text at its end to drop
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

  /** @param {string} piece part of one line */
  #addPiece(piece) {
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

  /** Return true if the line may continue a formula. @param {string} line @returns {boolean} */
  #mayBeMath(line) {
    if (this.#leaf?.kind !== "paragraph" || this.#leaf.math === "" || line.length > LONGEST_MATH) return false;
    const { matched, rest } = this.#match(line);
    return matched === this.#containers.length && starts.interrupts(withoutIndent(rest.text));
  }

  /** @param {boolean} [isLast] true if no more lines come */
  #endHeldMath(isLast = false) {
    const last = this.#held.slice(this.#held.lastIndexOf("\n") + 1);
    const math = this.#leaf?.kind === "paragraph" ? this.#leaf.math : "";
    if (openMathAfter(last, math) === "") return this.#releaseMath(true);
    if (isLast || isBlank(this.#match(last).rest.text) || this.#held.length > LONGEST_MATH) return this.#releaseMath(false);
    this.#held += "\n";
  }

  /** @param {boolean} isMath true if the held lines belong to the formula before them */
  #releaseMath(isMath) {
    const lines = this.#held.split("\n");
    this.#held = "";
    this.#isHoldingMath = false;
    const leaf = this.#leaf;
    if (leaf?.kind === "paragraph" && !isMath) leaf.math = "";
    for (const line of lines) {
      if (isMath && leaf?.kind === "paragraph") {
        this.#tail += `${line}\n`;
        this.#continueParagraph(leaf, this.#match(line).rest);
        leaf.math = openMathAfter(line, leaf.math);
      } else {
        this.#addPiece(line);
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
   * @returns {{matched: number, rest: Rest}} number of open containers that continue in the line, and the rest after
   *   their marks
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
   * @returns {Rest | null} the part of the line inside the container; null if the container ends
   */
  #matchOne(container, line) {
    if (container.kind === "quote") return starts.quotedIn(line);
    if (isBlank(line.text)) return outdented(line, container.indent);
    return indentOf(line) >= container.indent ? outdented(line, container.indent) : null;
  }

  /**
   * @param {string} line
   * @param {boolean} isText true if block marks in the line don't count
   */
  #beginLine(line, isText) {
    const { matched, rest } = this.#match(line);
    const leaf = matched === this.#containers.length ? this.#leaf : null;
    if (leaf?.kind === "fence") return this.#continueFence(leaf, rest, isText);
    if (!isText && isBlank(rest.text)) return this.#blankLine(matched, rest);
    const container = this.#containers[matched - 1];
    if (container?.kind === "item") container.isEmpty = false;
    if (leaf?.kind === "paragraph" && (leaf.math !== "" || isText)) return this.#continueParagraph(leaf, rest);
    if (leaf?.kind === "indented" && indentOf(rest) >= starts.CODE_INDENT) return this.#continueIndented(leaf, rest);
    this.#beginBlocks(matched, rest, isText, line);
  }

  /**
   * @param {Fence} fence
   * @param {Rest} rest
   * @param {boolean} isText
   */
  #continueFence(fence, rest, isText) {
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
  #continueParagraph(paragraph, rest) {
    paragraph.line = withoutIndent(rest.text);
    paragraph.view.append(`\n${paragraph.line}`);
  }

  /**
   * @param {Indented} code
   * @param {Rest} rest
   */
  #continueIndented(code, rest) {
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
    // An item that begins with two blank lines stays empty; only the next item of its list may follow.
    if (container?.kind === "item" && container.isEmpty) container.indent = Infinity;
    if (this.#leaf?.kind === "indented") this.#leaf.blanks += `\n${outdented(rest, starts.CODE_INDENT).text}`;
    else this.#closeLeaf();
  }

  /**
   * Open the blocks that begin in this line, or continue a paragraph or a table.
   * @param {number} matched
   * @param {Rest} rest the line without the marks of matched containers
   * @param {boolean} isText
   * @param {string} line the whole line
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
   * @returns {Rest | null} the line after the container's mark; null if no container begins
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
   * Return true if a list mark only continues a paragraph: a number other than 1, a mark without text, or an underline.
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
   * @returns {boolean} true if a leaf begins in the line
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
   * @returns {boolean} true if the line turns the paragraph into a heading or a table
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
    if (leaf?.kind === "paragraph") return this.#continueParagraph(leaf, rest);
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

  /** Close the blocks inside a container. @param {number} depth number of containers that stay open */
  #closeTo(depth) {
    this.#closeLeaf();
    this.#containers.length = Math.min(depth, this.#containers.length);
  }

  /**
   * Close the blocks that end where a new block begins.
   * @param {number} depth number of containers that stay open
   * @param {string} line line in which the new block begins
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
