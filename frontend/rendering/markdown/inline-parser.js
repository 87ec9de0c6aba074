/**
 * The inline part of Markdown: from the text of one block to tokens. GFM without raw HTML, which stays text, plus
 * math and footnote marks. Its time is linear in the text, but for emphasis that is nested as deeply as the text is long.
 */

import { resolveEmphasis } from "./emphasis.js";
import { literalOf } from "./entities.js";
import { scanAutolink, scanBareLink, scanDestination, scanLabel } from "./link-scanner.js";
import { scanMath } from "./math-scanner.js";

/**
 * @typedef {{type: "text", text: string}} TextToken a "\n" in it is a line break
 * @typedef {{type: "code", text: string}} CodeToken
 * @typedef {{type: "math", tex: string, isDisplay: boolean, source: string}} MathToken
 * @typedef {{type: "break"}} BreakToken
 * @typedef {{type: "em" | "strong" | "del", children: InlineToken[]}} EmphasisToken
 * @typedef {{type: "link", href: string, title: string, children: InlineToken[]}} LinkToken href as written: not safe yet
 * @typedef {{type: "image", href: string, title: string, alt: string}} ImageToken
 * @typedef {{type: "reference", label: string, children: InlineToken[], source: string}} ReferenceToken
 *   a link if its label is defined, here or later
 * @typedef {{type: "footnote", label: string}} FootnoteToken
 * @typedef {TextToken | CodeToken | MathToken | BreakToken | EmphasisToken | LinkToken | ImageToken | ReferenceToken
 *   | FootnoteToken} InlineToken
 */
/**
 * @typedef {object} Delimiter a run of characters that may begin or end emphasis
 * @property {string} mark its character
 * @property {number} count how many of them are left
 * @property {number} original how many there were
 * @property {boolean} canOpen
 * @property {boolean} canClose
 * @property {TextToken} token the text that stands for it until it is used
 */
/** @typedef {{at: number, index: number, delimiters: number, isImage: boolean, isActive: boolean}} Bracket an opening one */

const PLAIN = /[^\\`*_~[\]!<$&\nhwHW]+/y;
const ESCAPABLE = /[!-/:-@[-`{-~]/;
const PUNCTUATION = /[\p{P}\p{S}]/u;
const BREAK = /<br[ \t]*\/?>/iy;
const DELIMITERS = "*_~";
const FOOTNOTE = /^\^[^\s\]]{1,40}$/;

/**
 * @param {string} text of a block, without its block marks
 * @param {boolean} [isOpen] whether more of it may follow: then what is begun is shown as if it had been ended
 * @returns {InlineToken[]}
 */
export function parseInline(text, isOpen = false) {
  return new InlineParser(text, isOpen).parse();
}

class InlineParser {
  #text;
  #isOpen;
  #at = 0;
  /** @type {InlineToken[]} */
  #tokens = [];
  /** @type {Delimiter[]} */
  #delimiters = [];
  /** @type {Bracket[]} */
  #brackets = [];
  /** @type {Map<number, number>} for each length of a backtick run, where the last one begins */
  #lastRuns = new Map();

  /**
   * @param {string} text
   * @param {boolean} isOpen
   */
  constructor(text, isOpen) {
    this.#text = text;
    this.#isOpen = isOpen;
    for (const run of text.matchAll(/`+/g)) this.#lastRuns.set(run[0].length, run.index);
  }

  parse() {
    while (this.#at < this.#text.length) this.#next();
    resolveEmphasis(this.#tokens, this.#delimiters, this.#isOpen);
    return merged(this.#tokens);
  }

  #next() {
    PLAIN.lastIndex = this.#at;
    const plain = PLAIN.exec(this.#text);
    if (plain) return this.#take(plain[0].length, plain[0]);
    const character = this.#text.charAt(this.#at);
    if (character === "\n") return this.#lineEnd();
    if (character === "\\") return this.#math() || this.#escape();
    if (character === "`") return this.#code();
    if (character === "$") return this.#math() || this.#take(1, "$");
    if (character === "&") return this.#entity();
    if (character === "<") return this.#angle();
    if (character === "!" && this.#text[this.#at + 1] === "[") return this.#openBracket(2, true);
    if (character === "[") return this.#openBracket(1, false);
    if (character === "]") return this.#closeBracket();
    if (DELIMITERS.includes(character)) return this.#delimiter(character);
    return this.#bareLink() || this.#take(1, character);
  }

  /**
   * @param {number} length of what was read
   * @param {string} text
   */
  #take(length, text) {
    this.#tokens.push({ type: "text", text });
    this.#at += length;
  }

  #lineEnd() {
    const last = this.#tokens.at(-1);
    if (last?.type === "text") last.text = last.text.replace(/[ \t]+$/, "");
    this.#take(1, "\n");
  }

  #escape() {
    const next = this.#text.charAt(this.#at + 1);
    if (next === "\n") return this.#take(2, "\n");
    if (ESCAPABLE.test(next)) return this.#take(2, next);
    return this.#take(1, "\\");
  }

  #code() {
    const run = /^`+/.exec(this.#text.slice(this.#at, this.#at + 1000))?.[0] ?? "`";
    const end = this.#endOfCode(run);
    if (end === -1) return this.#take(run.length, run);
    const code = this.#text.slice(this.#at + run.length, end).replaceAll("\n", " ");
    const isPadded = code.startsWith(" ") && code.endsWith(" ") && code.trim() !== "";
    this.#tokens.push({ type: "code", text: isPadded ? code.slice(1, -1) : code });
    this.#at = end + run.length;
  }

  /**
   * @param {string} run of backticks
   * @returns {number} where the run that ends it begins; -1 without one
   */
  #endOfCode(run) {
    const from = this.#at + run.length;
    if ((this.#lastRuns.get(run.length) ?? -1) < from) {
      return this.#isOpen && run.length === 1 && this.#text.length > from ? this.#text.length : -1;
    }
    for (let at = this.#text.indexOf(run, from); at !== -1; at = this.#text.indexOf(run, at)) {
      let end = at + run.length;
      while (this.#text[end] === "`") end += 1;
      if (end - at === run.length) return at;
      at = end;
    }
    return -1;
  }

  #math() {
    const math = scanMath(this.#text, this.#at);
    if (!math) return false;
    this.#tokens.push({ type: "math", ...math });
    this.#at += math.source.length;
    return true;
  }

  #entity() {
    const entity = literalOf(this.#text, this.#at);
    this.#take(entity?.length ?? 1, entity?.text ?? "&");
  }

  #angle() {
    BREAK.lastIndex = this.#at;
    const lineBreak = BREAK.exec(this.#text);
    if (lineBreak) {
      this.#tokens.push({ type: "break" });
      this.#at += lineBreak[0].length;
      return;
    }
    this.#link(scanAutolink(this.#text, this.#at)) || this.#take(1, "<");
  }

  #bareLink() {
    return this.#link(scanBareLink(this.#text, this.#at));
  }

  /** @param {{href: string, text: string, length: number} | null} found */
  #link(found) {
    if (!found) return false;
    this.#tokens.push({ type: "link", href: found.href, title: "", children: [{ type: "text", text: found.text }] });
    this.#at += found.length;
    return true;
  }

  /** @param {string} mark */
  #delimiter(mark) {
    let end = this.#at;
    while (this.#text[end] === mark) end += 1;
    const count = end - this.#at;
    const { isLeft, isRight, before, after } = flanks(this.#text, this.#at, end);
    const isWord = mark === "_";
    const token = /** @type {TextToken} */ ({ type: "text", text: this.#text.slice(this.#at, end) });
    this.#tokens.push(token);
    this.#at = end;
    if (mark === "~" && count > 2) return;
    this.#delimiters.push({
      mark,
      count,
      original: count,
      canOpen: isLeft && (!isWord || !isRight || PUNCTUATION.test(before)),
      canClose: isRight && (!isWord || !isLeft || PUNCTUATION.test(after)),
      token,
    });
  }

  /**
   * @param {number} length
   * @param {boolean} isImage
   */
  #openBracket(length, isImage) {
    const { length: index } = this.#tokens;
    this.#take(length, this.#text.slice(this.#at, this.#at + length));
    this.#brackets.push({ at: this.#at, index, delimiters: this.#delimiters.length, isImage, isActive: true });
  }

  #closeBracket() {
    const bracket = this.#brackets.pop();
    if (!bracket) return this.#take(1, "]");
    const label = this.#text.slice(bracket.at, this.#at);
    if (FOOTNOTE.test(label) && !bracket.isImage) return this.#replace(bracket, 1, { type: "footnote", label: label.slice(1) });
    if (!bracket.isActive) return this.#take(1, "]");
    const destination = scanDestination(this.#text, this.#at + 1, this.#isOpen);
    if (destination) return this.#direct(bracket, label, destination);
    const full = scanLabel(this.#text, this.#at + 1);
    if (full) return this.#reference(bracket, full.label === "" ? label : full.label, 1 + full.length);
    if (/[*_~[\]`<$!]/.test(label) || label.trim() === "" || bracket.isImage) return this.#take(1, "]");
    return this.#reference(bracket, label, 1);
  }

  /**
   * @param {Bracket} bracket
   * @param {string} alt
   * @param {{href: string, title: string, length: number}} destination
   */
  #direct(bracket, alt, { href, title, length }) {
    if (bracket.isImage) return this.#replace(bracket, 1 + length, { type: "image", href, title, alt });
    const children = this.#childrenOf(bracket);
    for (const outer of this.#brackets) if (!outer.isImage) outer.isActive = false;
    this.#replace(bracket, 1 + length, { type: "link", href, title, children });
  }

  /**
   * @param {Bracket} bracket
   * @param {string} label
   * @param {number} length
   */
  #reference(bracket, label, length) {
    const source = this.#text.slice(bracket.at - (bracket.isImage ? 2 : 1), this.#at + length);
    const children = this.#childrenOf(bracket);
    this.#replace(bracket, length, { type: "reference", label, children, source });
  }

  /**
   * @param {Bracket} bracket
   * @returns {InlineToken[]} what stands behind it
   */
  #childrenOf(bracket) {
    const children = this.#tokens.splice(bracket.index + 1);
    resolveEmphasis(children, this.#delimiters.splice(bracket.delimiters), false);
    return merged(children);
  }

  /**
   * @param {Bracket} bracket
   * @param {number} length of what is read behind the text in brackets
   * @param {InlineToken} token
   */
  #replace(bracket, length, token) {
    this.#tokens.splice(bracket.index);
    this.#delimiters.splice(bracket.delimiters);
    this.#tokens.push(token);
    this.#at += length;
  }
}

/**
 * @param {string} text
 * @param {number} start
 * @param {number} end
 */
function flanks(text, start, end) {
  const before = start === 0 ? " " : lastCharacter(text.slice(Math.max(0, start - 2), start));
  const after = end === text.length ? " " : String.fromCodePoint(text.codePointAt(end) ?? 32);
  const [isSpaceBefore, isSpaceAfter] = [/\s/.test(before), /\s/.test(after)];
  const [isMarkBefore, isMarkAfter] = [PUNCTUATION.test(before), PUNCTUATION.test(after)];
  const isLeft = !isSpaceAfter && (!isMarkAfter || isSpaceBefore || isMarkBefore);
  const isRight = !isSpaceBefore && (!isMarkBefore || isSpaceAfter || isMarkAfter);
  return { isLeft, isRight, before, after };
}

/** @param {string} text */
function lastCharacter(text) {
  return [...text].at(-1) ?? " ";
}

/**
 * @param {InlineToken[]} tokens
 * @returns {InlineToken[]} with texts that follow each other made one
 */
function merged(tokens) {
  /** @type {InlineToken[]} */
  const kept = [];
  for (const token of tokens) {
    const last = kept.at(-1);
    if (token.type === "text" && token.text === "") continue;
    if (token.type === "text" && last?.type === "text") last.text += token.text;
    else if (token.type === "em" || token.type === "strong" || token.type === "del") {
      kept.push({ type: token.type, children: merged(token.children) });
    } else kept.push(token);
  }
  return kept;
}
