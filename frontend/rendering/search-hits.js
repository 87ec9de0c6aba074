/**
 * The hits of a search in a message: marks them all, and brings the best one into view. One in folded thinking is unfolded
 * where the answer itself has none. Owns the page's highlight of hits.
 */

import { hitsIn, wordsOf } from "./search-words.js";

/** @typedef {import("./frame-batcher.js").FrameBatcher} FrameBatcher */
/** @typedef {import("./message-view.js").MessageView} MessageView */
/** @typedef {import("./scroller.js").Scroller} Scroller */
/** @typedef {{range: Range, begin: number, word: number}} Hit begin: its place in the message's text */
/** @typedef {{text: string, nodes: Text[], begins: number[]}} Laid a message's text, and where each node begins in it */

/** The name of the highlight in the styles. */
const NAME = "search-hit";
/** What is no text of a message. */
const SKIPPED = "button, summary, .katex";
const BLOCKS = "p, li, td, th, pre, div, .heading";
/** How far apart words may be to count as one place, in UTF-16 units. */
const TOGETHER = 200;
/** For how many frames the place is kept in view while the messages around it get their heights. */
const FRAMES = 20;
/** How often hits are marked in one message: what changes oftener is being written, where each time would cost more. */
const PAINTS = 20;
/** What the reader does who goes elsewhere. */
const LEAVING = ["wheel", "touchmove", "pointerdown", "keydown"];

export class SearchHits {
  #batcher;
  #scroller;
  /** @type {MessageView | null} */
  #view = null;
  /** @type {RegExp[]} */
  #words = [];
  /** @type {Range | null} what is brought into view */
  #place = null;
  #framesLeft = 0;
  #paintsLeft = PAINTS;
  #changes = new MutationObserver(() => this.#changed());
  #observer = new AbortController();

  /**
   * @param {FrameBatcher} batcher
   * @param {Scroller} scroller
   */
  constructor(batcher, scroller) {
    this.#batcher = batcher;
    this.#scroller = scroller;
  }

  /**
   * @param {MessageView} view
   * @param {string} query
   */
  show(view, query) {
    this.clear();
    this.#view = view;
    this.#words = wordsOf(query);
    this.#observer = new AbortController();
    if (this.#words.length > 0) this.#batcher.schedule(this);
  }

  clear() {
    this.#view?.element.classList.remove("is-hit");
    this.#view = this.#place = null;
    this.#paintsLeft = PAINTS;
    this.#changes.disconnect();
    this.#observer.abort();
    highlights()?.delete(NAME);
  }

  /** Called by the batcher. A long message is painted in several frames. */
  paint() {
    if (!this.#view) return;
    if (!this.#view.isPainted) return this.#batcher.schedule(this);
    const hits = find(this.#view.textElement, this.#words);
    const inView = hits.filter(({ range }) => !foldOf(range));
    const best = bestOf(inView.length > 0 ? inView : hits);
    this.#mark(hits, this.#view.element);
    if (best && this.#paintsLeft === PAINTS) {
      unfold(best.range);
      this.#view.unfold();
      this.#bring(best.range);
      this.#changes.observe(this.#view.textElement, { childList: true, subtree: true });
    } else if (best && this.#place) this.#place = best.range;
  }

  /** Colours and formulas have come, which take the place of the text that was marked. */
  #changed() {
    this.#paintsLeft -= 1;
    if (this.#paintsLeft > 0) this.#batcher.schedule(this);
    else this.#changes.disconnect();
  }

  /**
   * @param {Hit[]} hits
   * @param {Element} element
   */
  #mark(hits, element) {
    const all = highlights();
    if (all && hits.length > 0) all.set(NAME, new Highlight(...hits.map(({ range }) => range)));
    else element.classList.add("is-hit");
  }

  /** @param {Range} range */
  #bring(range) {
    this.#place = range;
    this.#framesLeft = FRAMES;
    range.startContainer.parentElement?.scrollIntoView({ block: "center", inline: "nearest" });
    const { signal } = this.#observer;
    for (const name of LEAVING) addEventListener(name, () => (this.#place = null), { signal, once: true, passive: true });
    this.#hold();
  }

  /** Keeps the place in view until what is around it stands still. */
  #hold() {
    if (!this.#place) return;
    this.#scroller.center(this.#place);
    this.#framesLeft -= 1;
    if (this.#framesLeft > 0) requestAnimationFrame(() => this.#hold());
  }
}

/** @returns {HighlightRegistry | undefined} where the browser has it */
function highlights() {
  return "Highlight" in globalThis ? CSS.highlights : undefined;
}

/**
 * @param {Element} root
 * @param {RegExp[]} words
 * @returns {Hit[]}
 */
function find(root, words) {
  const laid = lay(root);
  return hitsIn(laid.text, words).map(([begin, end, word]) => ({ range: rangeOf(laid, begin, end), begin, word }));
}

/**
 * All text of an element, with a line end between blocks.
 * @param {Element} root
 * @returns {Laid}
 */
function lay(root) {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  /** @type {Text[]} */
  const nodes = [];
  /** @type {number[]} */
  const begins = [];
  let [text, before] = ["", /** @type {Element | null} */ (null)];
  while (walker.nextNode()) {
    const node = /** @type {Text} */ (walker.currentNode);
    if (node.data === "" || node.parentElement?.closest(SKIPPED)) continue;
    const block = node.parentElement?.closest(BLOCKS) ?? null;
    if (before && block !== before) text += "\n";
    before = block;
    nodes.push(node);
    begins.push(text.length);
    text += node.data;
  }
  return { text, nodes, begins };
}

/**
 * @param {Laid} laid
 * @param {number} begin
 * @param {number} end
 */
function rangeOf(laid, begin, end) {
  const range = new Range();
  range.setStart(...pointAt(laid, begin));
  range.setEnd(...pointAt(laid, end, 1));
  return range;
}

/**
 * @param {Laid} laid
 * @param {number} place
 * @param {number} before how far before the place its node is looked for: an end belongs to the node before it
 * @returns {[Text, number]}
 */
function pointAt({ nodes, begins }, place, before = 0) {
  let [low, high] = [0, begins.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (/** @type {number} */ (begins[middle]) <= place - before) low = middle;
    else high = middle - 1;
  }
  const node = /** @type {Text} */ (nodes[low]);
  return [node, Math.min(node.length, place - /** @type {number} */ (begins[low]))];
}

/** The hit from which on most of the words are close together. @param {Hit[]} hits */
function bestOf(hits) {
  const near = hits.map(({ begin }, index) => {
    const words = new Set();
    for (let at = index; at < hits.length && at < index + 50; at += 1) {
      const hit = /** @type {Hit} */ (hits[at]);
      if (hit.begin - begin > TOGETHER) break;
      words.add(hit.word);
    }
    return words.size;
  });
  return hits[near.indexOf(Math.max(...near))];
}

/** What a range is folded away in. @param {Range} range */
function foldOf(range) {
  return range.startContainer.parentElement?.closest("details:not([open])") ?? null;
}

/** @param {Range} range */
function unfold(range) {
  for (let fold = foldOf(range); fold; fold = foldOf(range)) fold.setAttribute("open", "");
}
