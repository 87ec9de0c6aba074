/**
 * Parser for inline Markdown: the text of one block becomes tokens. GFM without raw HTML, which stays text, plus math
 * and footnote marks. The time is linear in the length of the text, except for very deeply nested emphasis.
 */

import { characterAfter, characterBefore, isCjk } from "./cjk.js";
import { resolveEmphasis } from "./emphasis.js";
import { decoded, literalOf } from "./entities.js";
import { isLabel, scanAutolink, scanBareLink, scanBareMail, scanDestination, scanLabel } from "./link-scanner.js";
import { mayBeginMath, scanMath } from "./math-scanner.js";
import { withoutUndecidedEnd } from "./undecided-end.js";

/**
 * @typedef {{type: "text", text: string}} TextToken "\n" is a line break
 * @typedef {{type: "code", text: string}} CodeToken
 * @typedef {{type: "math", tex: string, isDisplay: boolean, source: string, isOpen?: boolean}} MathToken isOpen: has no
 *   end yet
 * @typedef {{type: "break"}} BreakToken
 * @typedef {{type: "em" | "strong" | "del", children: InlineToken[]}} EmphasisToken
 * @typedef {{type: "link", href: string, title: string, children: InlineToken[], isOpen?: boolean}} LinkToken
 *   href as written, not checked for safety; isOpen: has no end yet
 * @typedef {{type: "image", href: string, title: string, alt: string, isInLink: boolean}} ImageToken
 * @typedef {{type: "footnote", label: string}} FootnoteToken
 * @typedef {TextToken | CodeToken | MathToken | BreakToken | EmphasisToken | LinkToken | ImageToken | FootnoteToken} InlineToken
 */
/**
 * Lookup of the names that a text may refer to. An unknown name stays as it is written.
 * @typedef {object} Known
 * @property {(label: string) => {href: string, title: string} | null} definition finds a link, or a footnote for
 *   "^label"
 * @property {import("./entities.js").Named} named
 */
/**
 * @typedef {object} Delimiter run of characters that may begin or end emphasis
 * @property {string} mark the run's character
 * @property {number} count number of characters that are not used yet
 * @property {number} original number of characters in the text
 * @property {boolean} isNear true if the run is near the end of an open text
 * @property {boolean} canOpen
 * @property {boolean} canClose
 * @property {TextToken} token the run's text token, shown unless the run is used
 */
/** @typedef {{at: number, index: number, delimiters: number, isImage: boolean, isActive: boolean}} Bracket opening bracket */

/** Text up to the next possible mark, or the "http" or "www." of an address. */
const PLAIN = /(?:[^\\`*_~[\]!<$&@\nhwHW]|[hH](?![tT]{2}[pP])|[wW](?![wW]{2}\.))+/y;
const ESCAPABLE = /[!-/:-@[-`{-~]/;
const PUNCTUATION = /[\p{P}\p{S}]/u;
const SPACE = /[\p{Zs}\t\n\f\r]/u;
const BREAK = /<br[ \t]*\/?>/iy;
const DELIMITERS = "*_~";
/** Longest undecided text at the end of an open text that is left out, in UTF-16 units. */
const LONGEST_UNDECIDED = 150;
const FOOTNOTE = /^\^[^\s\]]{1,40}$/;
const NUMBERED_FOOTNOTE = /^\^\d{1,3}$/;

/**
 * @param {string} text text of a block, without its block marks
 * @param {boolean} isOpen true if more text may follow. Emphasis, code and links without an end are then shown as if
 *   they had ended, and text that may become something else is left out until it is decided.
 * @param {Known} known
 * @returns {InlineToken[]}
 */
export function parseInline(text, isOpen, known) {
  return new InlineParser(isOpen ? withoutUndecidedEnd(text) : text, isOpen, known).parse();
}

class InlineParser {
  #text;
  #isOpen;
  #known;
  #at = 0;
  /** @type {InlineToken[]} */
  #tokens = [];
  /** @type {Delimiter[]} */
  #delimiters = [];
  /** @type {Bracket[]} */
  #brackets = [];
  /** Index of the first undecided token of an open text. */
  #shownTokens = Infinity;
  /** @type {Map<number, number>} offset of the last backtick run of each length */
  #lastRuns = new Map();

  /**
   * @param {string} text
   * @param {boolean} isOpen
   * @param {Known} known
   */
  constructor(text, isOpen, known) {
    this.#text = text;
    this.#isOpen = isOpen;
    this.#known = known;
    for (const run of text.matchAll(/`+/g)) this.#lastRuns.set(run[0].length, run.index);
  }

  parse() {
    while (this.#at < this.#text.length) this.#next();
    if (this.#isOpen) this.#dropUndecided();
    resolveEmphasis(this.#tokens, this.#delimiters, this.#isOpen);
    return merged(this.#tokens);
  }

  /** Leave out undecided tokens: short brackets and formulas without an end. */
  #dropUndecided() {
    const bracket = this.#brackets.find(({ at }) => this.#isNear(at));
    const count = Math.min(this.#shownTokens, bracket?.index ?? Infinity);
    if (count >= this.#tokens.length) return;
    const rest = new Set(this.#tokens.splice(count));
    this.#delimiters = this.#delimiters.filter(({ token }) => !rest.has(token));
  }

  /** @param {number} at */
  #isNear(at) {
    return this.#text.length - at < LONGEST_UNDECIDED && !this.#text.includes("\n", at);
  }

  /** Mark the rest of the text as undecided. @param {number} [index] index of its first token */
  #holdBack(index = this.#tokens.length) {
    this.#shownTokens = Math.min(this.#shownTokens, index);
  }

  #next() {
    PLAIN.lastIndex = this.#at;
    const plain = PLAIN.exec(this.#text);
    if (plain) return this.#addText(plain[0].length, plain[0]);
    const character = this.#text.charAt(this.#at);
    if (character === "\n") return this.#lineEnd();
    if (character === "\\") return this.#math() || this.#escape();
    if (character === "`") return this.#code();
    if (character === "$") return this.#math() || this.#addText(1, "$");
    if (character === "&") return this.#entity();
    if (character === "<") return this.#angle();
    if (character === "!" && this.#text[this.#at + 1] === "[") return this.#openBracket(2, true);
    if (character === "[") return this.#openBracket(1, false);
    if (character === "]") return this.#closeBracket();
    if (DELIMITERS.includes(character)) return this.#delimiter(character);
    if (character === "@") return this.#bareMail() || this.#addText(1, "@");
    return this.#bareLink() || this.#addText(1, character);
  }

  /**
   * @param {number} length length of the source
   * @param {string} text
   */
  #addText(length, text) {
    this.#tokens.push({ type: "text", text });
    this.#at += length;
  }

  #lineEnd() {
    const last = this.#tokens.at(-1);
    if (last?.type === "text") last.text = last.text.replace(/[ \t]+$/, "");
    this.#addText(1, "\n");
  }

  #escape() {
    const next = this.#text.charAt(this.#at + 1);
    if (next === "\n") return this.#addText(2, "\n");
    if (ESCAPABLE.test(next)) return this.#addText(2, next);
    return this.#addText(1, "\\");
  }

  #code() {
    const run = /^`+/.exec(this.#text.slice(this.#at, this.#at + 1000))?.[0] ?? "`";
    const end = this.#endOfCode(run);
    if (end === -1) return this.#addText(run.length, run);
    const code = this.#text.slice(this.#at + run.length, end).replaceAll("\n", " ");
    const isPadded = code.startsWith(" ") && code.endsWith(" ") && code.trim() !== "";
    this.#tokens.push({ type: "code", text: isPadded ? code.slice(1, -1) : code });
    this.#at = end + run.length;
  }

  /**
   * @param {string} run run of backticks
   * @returns {number} offset of the run that ends the code; -1 if there is none
   */
  #endOfCode(run) {
    const from = this.#at + run.length;
    if ((this.#lastRuns.get(run.length) ?? -1) < from) {
      return this.#isOpen && run.length <= 2 && this.#text.length > from ? this.#text.length : -1;
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
    const math = scanMath(this.#text, this.#at) ?? (this.#isOpen ? this.#openMath() : null);
    if (!math) return false;
    this.#tokens.push({ type: "math", ...math });
    this.#at += math.source.length;
    return true;
  }

  /** Read an unfinished display formula, which is shown while it grows. @returns {Omit<MathToken, "type"> | null} */
  #openMath() {
    const kind = mayBeginMath(this.#text, this.#at);
    if (kind === "inline" && this.#isNear(this.#at)) this.#holdBack();
    return kind === "display" ? { tex: "", isDisplay: true, source: this.#text.slice(this.#at), isOpen: true } : null;
  }

  #entity() {
    const entity = literalOf(this.#text, this.#at, this.#known.named);
    this.#addText(entity?.length ?? 1, entity?.text ?? "&");
  }

  #angle() {
    BREAK.lastIndex = this.#at;
    const lineBreak = BREAK.exec(this.#text);
    if (lineBreak) {
      this.#tokens.push({ type: "break" });
      this.#at += lineBreak[0].length;
      return;
    }
    this.#link(scanAutolink(this.#text, this.#at)) || this.#addText(1, "<");
  }

  #bareLink() {
    return this.#link(scanBareLink(this.#text, this.#at, this.#brackets.length > 0));
  }

  #bareMail() {
    const mail = scanBareMail(this.#text, this.#at);
    if (!mail || !this.#removePlainText(mail.before)) return false;
    return this.#link({ ...mail, length: mail.text.length - mail.before });
  }

  /**
   * Remove text from the end of the tokens, if it is plain text.
   * @param {number} length
   * @returns {boolean} true if the text was removed
   */
  #removePlainText(length) {
    let left = length;
    let index = this.#tokens.length;
    while (left > 0) {
      const token = this.#tokens[(index -= 1)];
      if (token?.type !== "text" || !this.#text.startsWith(token.text, this.#at - length + left - token.text.length)) return false;
      left -= token.text.length;
    }
    const [first] = this.#tokens.splice(index);
    const kept = new Set(this.#tokens);
    this.#delimiters = this.#delimiters.filter(({ token }) => kept.has(token));
    if (first?.type === "text" && left < 0) this.#tokens.push({ type: "text", text: first.text.slice(0, -left) });
    return true;
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
    if (mark === "~" && count !== 2) return;
    this.#delimiters.push({
      mark,
      count,
      original: count,
      isNear: this.#isOpen && this.#isNear(end),
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
    this.#addText(length, this.#text.slice(this.#at, this.#at + length));
    this.#brackets.push({ at: this.#at, index, delimiters: this.#delimiters.length, isImage, isActive: true });
  }

  #closeBracket() {
    const bracket = this.#brackets.pop();
    if (!bracket) return this.#addText(1, "]");
    const label = this.#text.slice(bracket.at, this.#at);
    if (!bracket.isImage && this.#isFootnote(label)) return this.#replace(bracket, 1, { type: "footnote", label: label.slice(1) });
    if (!bracket.isActive) return this.#addText(1, "]");
    if (this.#isOpen && /^\](?:$|\[[^\]]*$)/.test(this.#text.slice(this.#at)) && this.#isNear(bracket.at)) this.#holdBack(bracket.index);
    const target = scanDestination(this.#text, this.#at + 1, this.#isOpen);
    if (target?.isOpen && bracket.isImage) this.#holdBack(bracket.index);
    if (target) return this.#close(bracket, target.length, this.#decoded(target.href), this.#decoded(target.title), target.isOpen);
    const reference = this.#referenceTo(label);
    if (reference) return this.#close(bracket, reference.length, reference.href, reference.title);
    return this.#addText(1, "]");
  }

  /**
   * Return true for a footnote's label. A number counts without a definition; other labels may be character sets such
   * as `[^0-9]`.
   * @param {string} label
   */
  #isFootnote(label) {
    return FOOTNOTE.test(label) && (NUMBERED_FOOTNOTE.test(label) || this.#known.definition(label) !== null);
  }

  /**
   * @param {string} label label in the brackets that were just closed
   * @returns {{href: string, title: string, length: number} | null} length: of the source after the brackets that
   *   belongs to it
   */
  #referenceTo(label) {
    const full = scanLabel(this.#text, this.#at + 1);
    const isFull = full !== null && full.label !== "";
    if (!isLabel(isFull ? full.label : label)) return null;
    const definition = this.#known.definition(isFull ? full.label : label);
    return definition && { ...definition, length: full?.length ?? 0 };
  }

  /** @param {string} source */
  #decoded(source) {
    return decoded(source, this.#known.named);
  }

  /**
   * Make a link or an image of the tokens between the brackets.
   * @param {Bracket} bracket
   * @param {number} length length of the source after the brackets that belongs to it
   * @param {string} href
   * @param {string} title
   * @param {boolean} [isOpen]
   */
  #close(bracket, length, href, title, isOpen = false) {
    const children = this.#childrenOf(bracket);
    if (bracket.isImage) {
      return this.#replace(bracket, 1 + length, { type: "image", href, title, alt: plainText(children), isInLink: false });
    }
    for (const outer of this.#brackets) if (!outer.isImage) outer.isActive = false;
    this.#replace(bracket, 1 + length, { type: "link", href, title, children: merged(withoutLinks(children)), isOpen });
  }

  /**
   * @param {Bracket} bracket
   * @returns {InlineToken[]} the tokens after the bracket
   */
  #childrenOf(bracket) {
    const children = this.#tokens.splice(bracket.index + 1);
    resolveEmphasis(children, this.#delimiters.splice(bracket.delimiters), false);
    return merged(children);
  }

  /**
   * @param {Bracket} bracket
   * @param {number} length length of the source after the text in brackets
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
 * Find the sides on which a run touches a word, by CommonMark's rule for left- and right-flanking runs. One exception:
 * Chinese, Japanese and Korean have no spaces between words. Their punctuation therefore counts as letters, and their
 * letters count as spaces beside other punctuation.
 * @param {string} text
 * @param {number} start
 * @param {number} end
 */
function flanks(text, start, end) {
  const [before, after] = [characterBefore(text, start), characterAfter(text, end)];
  const [isSpaceBefore, isSpaceAfter] = [SPACE.test(before), SPACE.test(after)];
  const isMarkBefore = PUNCTUATION.test(before) && !isCjk(before);
  const isMarkAfter = PUNCTUATION.test(after) && !isCjk(after);
  const isLeft = !isSpaceAfter && (!isMarkAfter || isSpaceBefore || isMarkBefore || isCjk(before));
  const isRight = !isSpaceBefore && (!isMarkBefore || isSpaceAfter || isMarkAfter || isCjk(after));
  return { isLeft, isRight, before, after };
}

/**
 * @param {InlineToken[]} tokens
 * @returns {string}
 */
function plainText(tokens) {
  return tokens.map((token) => {
    if ("children" in token) return plainText(token.children);
    if (token.type === "image") return token.alt;
    if (token.type === "math") return token.source;
    return "text" in token ? token.text : token.type === "break" ? "\n" : "";
  }).join("");
}

/**
 * Remove links inside a link. Images count too, since they are shown as links.
 * @param {InlineToken[]} tokens
 * @returns {InlineToken[]}
 */
function withoutLinks(tokens) {
  return tokens.flatMap((token) => {
    if (token.type === "link") return withoutLinks(token.children);
    if (token.type === "image") return [{ ...token, isInLink: true }];
    return "children" in token ? [{ ...token, children: withoutLinks(token.children) }] : [token];
  });
}

/**
 * @param {InlineToken[]} tokens
 * @returns {InlineToken[]} the tokens, with adjacent texts merged
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
