/** Places of an answer's tokens on the page, in CSS pixels of the viewport. The rendered text stays as it is. */

import { runAt, sourceRuns } from "./source-runs.js";

/** @typedef {import("../../conversations/answer-tokens.js").AnswerTokens} AnswerTokens */
/** @typedef {import("./source-runs.js").Run} Run */
/** @typedef {{left: number, top: number, width: number, height: number}} Box width 0: the token has no text of its own on the page */

/** Boxes that scroll sideways, which hide a part of their text. */
const SCROLLING = "pre, .table-box";
/** Distance above and below a letter that still counts as the letter, in CSS pixels: lines have a gap between them. */
const GAP = 6;

export class TokenPlaces {
  #root;
  #tokens;
  #source;
  /** @type {Run[] | null} null after a change of the text */
  #runs = null;
  /** @type {Map<Node, Run[]>} */
  #byNode = new Map();
  #changes = new MutationObserver(() => (this.#runs = null));

  /**
   * @param {Element} root filled by MarkdownText
   * @param {AnswerTokens} tokens
   * @param {() => string} source the answer's whole text
   */
  constructor(root, tokens, source) {
    this.#root = root;
    this.#tokens = tokens;
    this.#source = source;
  }

  start() {
    this.#changes.observe(this.#root, { childList: true, characterData: true, subtree: true });
  }

  stop() {
    this.#changes.disconnect();
  }

  /**
   * Boxes of a token, one for each line. A token without a box, such as a mark of Markdown, has the edge of the text
   * before it.
   * @param {number} index
   * @returns {Box[]} empty if the token is in a closed fold
   */
  boxesOf(index) {
    const [begin, end] = this.#tokens.placeOf(index);
    const boxes = joined(this.#boxesBetween(begin, end));
    return boxes.length > 0 ? boxes : this.#edgeAt(begin);
  }

  /**
   * Find the token under a point.
   * @param {number} x
   * @param {number} y
   * @returns {number} -1 if there is none
   */
  indexAt(x, y) {
    const place = this.#placeAt(x, y);
    return place === -1 ? -1 : this.#tokens.indexAt(place);
  }

  /** Check if a token is in a closed fold. @param {number} index */
  isFolded(index) {
    return this.#elementOf(index)?.closest("details:not([open])") !== null;
  }

  /** Scroll the text around a token into the viewport: text out of view is not laid out. @param {number} index */
  bringNear(index) {
    const element = this.#elementOf(index);
    const box = element?.getBoundingClientRect();
    if (box && (box.bottom < 0 || box.top > window.innerHeight)) element?.scrollIntoView({ block: "nearest" });
  }

  /** @returns {Run[]} */
  get #current() {
    if (this.#runs) return this.#runs;
    this.#runs = sourceRuns(this.#root, this.#source());
    this.#byNode = new Map();
    for (const run of this.#runs) this.#byNode.set(run.node, [...(this.#byNode.get(run.node) ?? []), run]);
    return this.#runs;
  }

  /**
   * @param {number} begin
   * @param {number} end
   * @returns {Box[]}
   */
  #boxesBetween(begin, end) {
    const runs = this.#current;
    /** @type {Box[]} */
    const boxes = [];
    for (let index = Math.max(0, runAt(runs, begin)); index < runs.length; index += 1) {
      const run = /** @type {Run} */ (runs[index]);
      if (run.at >= end) break;
      const [from, to] = [Math.max(run.at, begin), Math.min(run.at + run.length, end)];
      if (from < to) boxes.push(...boxesOfRun(run, from - run.at, to - run.at));
    }
    return boxes;
  }

  /** @param {number} place @returns {Box[]} */
  #edgeAt(place) {
    const runs = this.#current;
    const before = runs[runAt(runs, place - 1)];
    const run = before ?? runs[0];
    if (!run) return [];
    const boxes = before
      ? boxesOfRun(run, Math.max(0, Math.min(run.length, place - run.at) - 1), Math.min(run.length, place - run.at))
      : boxesOfRun(run, 0, 1);
    const box = before ? boxes.at(-1) : boxes[0];
    return box ? [{ ...box, left: before ? box.left + box.width : box.left, width: 0 }] : this.#edgeOfElement(run, before !== undefined);
  }

  /**
   * Edge of an element whose last character has no box, such as a line end.
   * @param {Run} run
   * @param {boolean} isAfter
   * @returns {Box[]}
   */
  #edgeOfElement(run, isAfter) {
    const boxes = boxesOfRun(run, 0, run.length);
    const box = isAfter ? boxes.at(-1) : boxes[0];
    return box ? [{ ...box, left: isAfter ? box.left + box.width : box.left, width: 0 }] : [];
  }

  /** @param {number} index */
  #elementOf(index) {
    const runs = this.#current;
    const [begin, end] = this.#tokens.placeOf(index);
    const run = runs[Math.max(0, runAt(runs, Math.max(begin, end - 1)))];
    return run ? elementOf(run.node) : null;
  }

  /**
   * @param {number} x
   * @param {number} y
   * @returns {number} place in the answer's text; -1 when no letter is at that point
   */
  #placeAt(x, y) {
    const caret = caretAt(x, y);
    if (!caret || !this.#root.contains(caret.node)) return -1;
    void this.#current; // fills #byNode
    const formula = elementOf(caret.node)?.closest(".katex");
    if (formula) return this.#byNode.get(formula)?.[0]?.at ?? -1;
    for (const offset of [caret.offset - 1, caret.offset]) {
      const run = this.#byNode.get(caret.node)?.find(({ begin, length }) => begin <= offset && offset < begin + length);
      if (run && isInside(boxesOfRun(run, offset - run.begin, offset - run.begin + 1), x, y)) return run.at + offset - run.begin;
    }
    return -1;
  }
}

/**
 * @param {Run} run
 * @param {number} from place in the run
 * @param {number} to
 * @returns {Box[]}
 */
function boxesOfRun({ node, begin }, from, to) {
  const range = new Range();
  if (isText(node)) {
    range.setStart(node, Math.min(node.length, begin + from));
    range.setEnd(node, Math.min(node.length, begin + to));
  } else range.selectNode(node);
  const frame = elementOf(node)?.closest(SCROLLING)?.getBoundingClientRect();
  const boxes = isText(node) ? [...range.getClientRects()] : [range.getBoundingClientRect()];
  return boxes.map((box) => clipped(box, frame)).filter(({ width, height }) => width > 0 && height > 0);
}

/**
 * Join boxes that follow each other on one line: coloured code has a text node for each colour.
 * @param {Box[]} boxes
 * @returns {Box[]}
 */
function joined(boxes) {
  /** @type {Box[]} */
  const lines = [];
  for (const box of boxes) {
    const last = lines.at(-1);
    const isNext = last && Math.abs(last.top - box.top) < 1 && Math.abs(last.height - box.height) < 1 && Math.abs(last.left + last.width - box.left) < 1;
    if (isNext) last.width += box.width;
    else lines.push({ ...box });
  }
  return lines;
}

/**
 * @param {DOMRect} box
 * @param {DOMRect | undefined} frame that hides what is outside of it
 * @returns {Box}
 */
function clipped({ left, right, top, height }, frame) {
  const from = frame ? Math.max(left, frame.left) : left;
  const to = frame ? Math.min(right, frame.right) : right;
  return { left: from, top, width: to - from, height };
}

/**
 * @param {Box[]} boxes
 * @param {number} x
 * @param {number} y
 */
function isInside(boxes, x, y) {
  return boxes.some(({ left, top, width, height }) => x >= left && x <= left + width && y >= top - GAP && y <= top + height + GAP);
}

/**
 * @param {number} x
 * @param {number} y
 * @returns {{node: Node, offset: number} | null}
 */
function caretAt(x, y) {
  if ("caretPositionFromPoint" in document) {
    const caret = document.caretPositionFromPoint(x, y);
    return caret && { node: caret.offsetNode, offset: caret.offset };
  }
  const range = /** @type {any} */ (document).caretRangeFromPoint(x, y); // Safari before 18.4
  return range && { node: range.startContainer, offset: range.startOffset };
}

/** @param {Node} node */
function elementOf(node) {
  return isText(node) ? node.parentElement : /** @type {Element} */ (node);
}

/** @param {Node} node @returns {node is Text} */
function isText(node) {
  return node.nodeType === 3;
}
