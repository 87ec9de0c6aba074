/**
 * Search hits in a message. Marks all hits and scrolls to the best one. If all hits are in folded thinking or calls, the
 * fold of the best one is opened. Owns the page's highlight of search hits.
 */

import { hitsIn, wordsOf } from "./search-words.js";

/** @typedef {import("../ui/frame-batcher.js").FrameBatcher} FrameBatcher */
/** @typedef {import("./message-view.js").MessageView} MessageView */
/** @typedef {import("./scroller.js").Scroller} Scroller */
/** @typedef {{range: Range, begin: number, word: number}} Hit begin: offset in the message's text */
/** @typedef {{text: string, nodes: Text[], begins: number[]}} Collected a message's text, and the offset of each text node */

/** Name of the highlight in the styles. */
const NAME = "search-hit";
/** Elements whose text isn't searched. */
const SKIPPED = "button, summary, .katex";
const BLOCKS = "p, li, td, th, pre, div, .heading";
/** Largest distance between words that count as one place, in UTF-16 units. */
const TOGETHER = 200;
/** Number of frames in which the place is kept in view while the messages around it get their heights. */
const FRAMES = 20;
/** Largest number of times that hits are marked in one message. Marking a message that still grows costs too much. */
const PAINTS = 20;
/** Events by which the user leaves the place. */
const LEAVING = ["wheel", "touchmove", "pointerdown", "keydown"];

export class SearchHits {
  #batcher;
  #scroller;
  /** @type {MessageView | null} */
  #view = null;
  /** @type {RegExp[]} */
  #words = [];
  /** @type {Range | null} hit that is kept in view */
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
   * Mark the hits of a query in a message, and scroll to the best one.
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

  /** Mark the hits, once the message is painted completely. Called by the batcher. */
  paint() {
    if (!this.#view) return;
    if (!this.#view.isPainted) return this.#batcher.schedule(this);
    const hits = find(this.#view.searchedElements, this.#words);
    const inView = hits.filter(({ range }) => !foldOf(range));
    const best = bestOf(inView.length > 0 ? inView : hits);
    this.#mark(hits, this.#view.element);
    if (best && this.#paintsLeft === PAINTS) {
      unfold(best.range);
      this.#view.unfold();
      this.#scrollTo(best.range);
      for (const element of this.#view.searchedElements) this.#changes.observe(element, { childList: true, subtree: true });
    } else if (best && this.#place) this.#place = best.range;
  }

  /** Mark the hits again after colours or formulas have replaced text nodes with hits. */
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
  #scrollTo(range) {
    this.#place = range;
    this.#framesLeft = FRAMES;
    range.startContainer.parentElement?.scrollIntoView({ block: "center", inline: "nearest" });
    const { signal } = this.#observer;
    for (const name of LEAVING) addEventListener(name, () => (this.#place = null), { signal, once: true, passive: true });
    this.#keepInView();
  }

  /** Keep the place in view for `FRAMES` frames, while the messages around it get their heights. */
  #keepInView() {
    if (!this.#place) return;
    this.#scroller.center(this.#place);
    this.#framesLeft -= 1;
    if (this.#framesLeft > 0) requestAnimationFrame(() => this.#keepInView());
  }
}

/** @returns {HighlightRegistry | undefined} undefined if the browser has no highlights */
function highlights() {
  return "Highlight" in globalThis ? CSS.highlights : undefined;
}

/**
 * @param {Element[]} roots
 * @param {RegExp[]} words
 * @returns {Hit[]}
 */
function find(roots, words) {
  const collected = collectText(roots);
  return hitsIn(collected.text, words).map(([begin, end, word]) => ({ range: rangeOf(collected, begin, end), begin, word }));
}

/**
 * Collect the text of elements, with a line end between blocks.
 * @param {Element[]} roots
 * @returns {Collected}
 */
function collectText(roots) {
  /** @type {Text[]} */
  const nodes = [];
  /** @type {number[]} */
  const begins = [];
  let [text, before] = ["", /** @type {Element | null} */ (null)];
  for (const node of roots.flatMap(textNodes)) {
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
 * Return the text nodes of an element that are searched.
 * @param {Element} root
 */
function textNodes(root) {
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  /** @type {Text[]} */
  const nodes = [];
  while (walker.nextNode()) {
    const node = /** @type {Text} */ (walker.currentNode);
    if (node.data !== "" && !node.parentElement?.closest(SKIPPED)) nodes.push(node);
  }
  return nodes;
}

/**
 * @param {Collected} collected
 * @param {number} begin
 * @param {number} end
 */
function rangeOf(collected, begin, end) {
  const range = new Range();
  range.setStart(...pointAt(collected, begin));
  range.setEnd(...pointAt(collected, end, 1));
  return range;
}

/**
 * @param {Collected} collected
 * @param {number} place
 * @param {number} before 1 for the end of a range, which belongs to the node before it; otherwise 0
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

/** Return the first hit of the place where the most words are close together. @param {Hit[]} hits */
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

/** Return the closed fold around a range. @param {Range} range */
function foldOf(range) {
  return range.startContainer.parentElement?.closest("details:not([open])") ?? null;
}

/** @param {Range} range */
function unfold(range) {
  for (let fold = foldOf(range); fold; fold = foldOf(range)) fold.setAttribute("open", "");
}
