/** Pairing of emphasis marks (`*`, `_`, `~`) by CommonMark's rules. */

/** @typedef {import("./inline-parser.js").Delimiter} Delimiter */
/** @typedef {import("./inline-parser.js").EmphasisToken} EmphasisToken */
/** @typedef {import("./inline-parser.js").InlineToken} InlineToken */

/**
 * Put emphasis around the tokens between paired runs. Tokens and runs are in the order of the text.
 * @param {InlineToken[]} tokens changed in place
 * @param {Delimiter[]} delimiters
 * @param {boolean} isOpen true if emphasis without an end continues to the last token
 */
export function resolveEmphasis(tokens, delimiters, isOpen) {
  if (delimiters.length === 0) return;
  const pairing = new Pairing(tokens, delimiters);
  pairing.pair();
  if (isOpen) pairing.endBegun();
  tokens.splice(0, tokens.length, ...pairing.nested());
}

/** @typedef {{type: EmphasisToken["type"], from: Delimiter, to: Delimiter | null}} Span */

/** Pairs of runs, and the spans between them. */
class Pairing {
  #tokens;
  #delimiters;
  /** @type {Map<InlineToken, EmphasisToken["type"][]>} spans that begin after a run, the outermost first */
  #opened = new Map();
  /** @type {Map<InlineToken, number>} number of spans that end before a run */
  #closed = new Map();

  /**
   * @param {InlineToken[]} tokens
   * @param {Delimiter[]} delimiters
   */
  constructor(tokens, delimiters) {
    this.#tokens = tokens;
    this.#delimiters = delimiters;
  }

  pair() {
    /** @type {Delimiter[]} */
    const openers = [];
    /** @type {Map<string, number>} lowest index of an opener that can fit, for each kind of closer */
    const bottoms = new Map();
    for (const closer of this.#delimiters) {
      if (closer.canClose) this.#close(closer, openers, bottoms);
      if (closer.canOpen && closer.count > 0) openers.push(closer);
    }
    this.#delimiters = openers.filter(({ count }) => count > 0);
  }

  /**
   * @param {Delimiter} closer
   * @param {Delimiter[]} openers
   * @param {Map<string, number>} bottoms
   */
  #close(closer, openers, bottoms) {
    while (closer.count > 0) {
      const kind = `${closer.mark}${closer.canOpen}${closer.original % 3}${closer.mark === "~" ? closer.count : ""}`;
      const bottom = Math.min(bottoms.get(kind) ?? 0, openers.length);
      let index = openers.length - 1;
      while (index >= bottom && !fits(/** @type {Delimiter} */ (openers[index]), closer)) index -= 1;
      const opener = openers[index];
      if (index < bottom || !opener) {
        bottoms.set(kind, openers.length);
        return;
      }
      openers.length = index + 1;
      this.#join(opener, closer);
      if (opener.count === 0) openers.pop();
    }
  }

  /**
   * @param {Delimiter} opener
   * @param {Delimiter} closer
   */
  #join(opener, closer) {
    const used = opener.mark === "~" ? opener.count : opener.count >= 2 && closer.count >= 2 ? 2 : 1;
    const type = opener.mark === "~" ? "del" : used === 2 ? "strong" : "em";
    this.#begin(opener, used, type);
    closer.count -= used;
    closer.token.text = closer.token.text.slice(used);
    this.#closed.set(closer.token, (this.#closed.get(closer.token) ?? 0) + 1);
  }

  /**
   * @param {Delimiter} opener
   * @param {number} used
   * @param {EmphasisToken["type"]} type
   */
  #begin(opener, used, type) {
    opener.count -= used;
    opener.token.text = opener.token.text.slice(used);
    const spans = this.#opened.get(opener.token);
    if (spans) spans.unshift(type);
    else this.#opened.set(opener.token, [type]);
  }

  /** Extend emphasis without an end to the end of the text, if it is strong or begins near the end. */
  endBegun() {
    for (const opener of this.#delimiters) {
      if (opener.token === this.#tokens.at(-1)) continue;
      while (opener.count > 0 && mayBeUnfinished(opener)) {
        const used = Math.min(opener.count, 2);
        this.#begin(opener, used, opener.mark === "~" ? "del" : used === 2 ? "strong" : "em");
      }
    }
  }

  /** @returns {InlineToken[]} */
  nested() {
    /** @type {InlineToken[][]} */
    const levels = [[]];
    for (const token of this.#tokens) {
      for (let count = this.#closed.get(token) ?? 0; count > 0 && levels.length > 1; count -= 1) levels.pop();
      levels.at(-1)?.push(token);
      for (const type of this.#opened.get(token) ?? []) {
        /** @type {InlineToken[]} */
        const children = [];
        levels.at(-1)?.push({ type, children });
        levels.push(children);
      }
    }
    return levels[0] ?? [];
  }
}

/**
 * @param {Delimiter} opener
 * @param {Delimiter} closer
 */
function fits(opener, closer) {
  if (opener.mark !== closer.mark) return false;
  if (opener.mark === "~") return opener.count === closer.count;
  const isBoth = opener.canClose || closer.canOpen;
  return !isBoth || (opener.original + closer.original) % 3 !== 0 || (opener.original % 3 === 0 && closer.original % 3 === 0);
}

/** Return true if emphasis may be unfinished; a star in a word, as in "2*3", is text. @param {Delimiter} opener */
function mayBeUnfinished(opener) {
  return opener.count <= 3 && (opener.count >= 2 || (opener.isNear && !opener.canClose));
}
