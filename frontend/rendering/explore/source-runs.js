/**
 * Places of rendered text in the Markdown that it was made from. Nearly every text node is a part of the source without
 * a change, so each is searched from the end of the one before. Marks, addresses and fences are between them.
 */

/**
 * A part of a text node, and its place in the source. `node` may also be an element that shows its part of the source
 * in another form: a formula.
 * @typedef {{node: Text | Element, begin: number, at: number, length: number}} Run begin: in the node, at: in the source
 */

/** Elements whose text is not in the source, or not where the element is. */
const SKIPPED = "button, summary, .code-bar, .image-host, .unlinked-address, .footnote-mark";
/** Distance over which a text is searched, in UTF-16 units: for a longer text a chance hit is less likely. */
const REACH = 200;
const REACH_OF_EACH = 20;
/** Distance over which a single character is searched. */
const NEAR = 16;
/** End of a link after its text: its address or its label. */
const LINK_END = /^[*_~`]*\](?:\((?:[^()\n]|\([^()\n]*\))*\)|\[[^\]\n]*\])/;
/** Beginning of a code block, with the marks around it. */
const FENCE = /^[\s`*_~>#\-+\d.)]*?(?:`{3,}|~{3,})[^\n]*\n/;
const LINE_BREAK = /^\s*<br\s*\/?>/i;
/** Length of source in which these are searched, in UTF-16 units. */
const MARKS = 4000;

/**
 * @param {Element} root filled by MarkdownText
 * @param {string} source
 * @returns {Run[]} in the order of the source; text whose place is unknown has none
 */
export function sourceRuns(root, source) {
  const aligner = new Aligner(source);
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    if (isElement(node)) aligner.enter(node);
    else if (!node.parentElement?.closest(`${SKIPPED}, .katex`)) aligner.add(/** @type {Text} */ (node));
  }
  return aligner.runs;
}

class Aligner {
  /** @type {Run[]} */
  runs = [];
  #source;
  #cursor = 0;
  /** @type {Element | null} link around the last text */
  #link = null;

  /** @param {string} source */
  constructor(source) {
    this.#source = source;
  }

  /** @param {Element} element */
  enter(element) {
    if (element.classList.contains("code-box")) this.#pass(FENCE);
    if (element.localName === "br") this.#pass(LINE_BREAK);
    if (element.classList.contains("katex")) this.#addFormula(element);
  }

  /** @param {Text} node */
  add(node) {
    this.#leaveLink(node);
    let begin = 0;
    for (const [line] of node.data.matchAll(/[^\n]*\n|[^\n]+/g)) {
      this.#addLine(node, begin, line);
      begin += line.length;
    }
  }

  /** @param {Text} node the next one */
  #leaveLink(node) {
    if (this.#link && !this.#link.contains(node)) this.#pass(LINK_END);
    this.#link = node.parentElement?.closest("a") ?? null;
  }

  /** @param {RegExp} marks that begin at the cursor */
  #pass(marks) {
    const found = marks.exec(this.#source.slice(this.#cursor, this.#cursor + MARKS));
    if (found) this.#cursor += found[0].length;
  }

  /**
   * @param {Text} node
   * @param {number} begin
   * @param {string} line
   */
  #addLine(node, begin, line) {
    const at = this.#find(line, REACH + REACH_OF_EACH * line.length);
    if (at !== -1) return this.#push({ node, begin, at, length: line.length });
    for (let index = 0; index < line.length; index += 1) {
      const one = this.#find(line.charAt(index), NEAR);
      if (one !== -1) this.#push({ node, begin: begin + index, at: one, length: 1 });
    }
  }

  /** @param {Element} katex rendered formula, which keeps its TeX source */
  #addFormula(katex) {
    const tex = katex.querySelector("annotation")?.textContent?.trim() ?? "";
    const at = tex === "" ? -1 : this.#find(tex, REACH + REACH_OF_EACH * tex.length);
    if (at !== -1) this.#push({ node: katex, begin: 0, at, length: tex.length });
  }

  /**
   * @param {string} text
   * @param {number} reach
   * @returns {number} place in the source; -1 if it is not near
   */
  #find(text, reach) {
    const at = this.#source.slice(this.#cursor, this.#cursor + reach + text.length).indexOf(text);
    return at === -1 ? -1 : this.#cursor + at;
  }

  /** @param {Run} run */
  #push(run) {
    const last = this.runs.at(-1);
    this.#cursor = run.at + run.length;
    if (last && last.node === run.node && last.begin + last.length === run.begin && last.at + last.length === run.at) {
      last.length += run.length;
    } else this.runs.push(run);
  }
}

/**
 * Find the run at or before a place in the source.
 * @param {Run[]} runs
 * @param {number} place
 * @returns {number} its index; -1 if all are after it
 */
export function runAt(runs, place) {
  let [low, high] = [-1, runs.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (/** @type {Run} */ (runs[middle]).at <= place) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** @param {Node} node @returns {node is Element} */
function isElement(node) {
  return node.nodeType === 1;
}
