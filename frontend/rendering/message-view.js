/** One question and its answer on the page. */

import { MarkdownText } from "./markdown-text.js";
import { wholeCharacters } from "./markdown/paragraph-view.js";

/** @typedef {import("./frame-batcher.js").FrameBatcher} FrameBatcher */
/** @typedef {import("./status-line.js").StatusLine} StatusLine */
/** @typedef {{label: string, act: () => void}} Offer something that the reader can do about an answer */

/** How much text is painted at a time, in UTF-16 units: what is more waits for the next turn. */
const PIECE = 4000;

export class MessageView {
  #batcher;
  #answer;
  #text;
  #status;
  #statusText;
  #progress;
  #offers;
  #unpainted = "";
  #isReplaced = false;
  #isFinished = false;
  /** @type {StatusLine | null} */
  #nextStatus = null;

  /**
   * @param {DocumentFragment} content a fresh copy of the page's template for an exchange
   * @param {string} prompt
   * @param {FrameBatcher} batcher
   */
  constructor(content, prompt, batcher) {
    this.#batcher = batcher;
    this.elements = [...content.children];
    find(content, ".prompt-text").textContent = prompt;
    this.#answer = find(content, ".answer");
    this.#text = new MarkdownText(find(content, ".answer-text"));
    this.#status = find(content, ".status");
    this.#statusText = find(content, ".status-text");
    this.#progress = /** @type {HTMLProgressElement} */ (find(content, "progress"));
    this.#offers = find(content, ".offers");
  }

  /** @param {string} text */
  append(text) {
    this.#unpainted += text;
    this.#batcher.schedule(this);
  }

  /** @param {string} text the whole of the answer so far */
  replace(text) {
    this.#isReplaced = true;
    this.#unpainted = text;
    this.#batcher.schedule(this);
  }

  /** No more text will come. */
  finish() {
    this.#isFinished = true;
    this.#batcher.schedule(this);
  }

  /** @param {StatusLine} line */
  showStatus(line) {
    this.#nextStatus = line;
    this.#batcher.schedule(this);
  }

  /** @param {Offer[]} offers */
  offer(offers) {
    this.#offers.replaceChildren(...offers.map(offerButton));
    this.#offers.hidden = offers.length === 0;
  }

  remove() {
    for (const element of this.elements) element.remove();
  }

  /** Called by the batcher. */
  paint() {
    this.#paintText();
    if (this.#unpainted !== "") this.#batcher.schedule(this);
    // That it is done shows when all of it is there.
    if (!this.#nextStatus || (this.#unpainted !== "" && this.#nextStatus.tone !== "busy")) return;
    this.#paintStatus(this.#nextStatus);
    this.#nextStatus = null;
  }

  #paintText() {
    if (this.#isReplaced) this.#text.clear();
    this.#isReplaced = false;
    const piece = this.#unpainted.slice(0, wholeCharacters(this.#unpainted, PIECE));
    this.#unpainted = this.#unpainted.slice(piece.length);
    if (piece !== "") this.#text.append(piece);
    if (!this.#isFinished || this.#unpainted !== "") return;
    this.#isFinished = false;
    this.#text.finish();
  }

  /** @param {StatusLine} line */
  #paintStatus({ tone, text, progress }) {
    this.#answer.ariaBusy = String(tone === "busy");
    this.#status.dataset.tone = tone;
    this.#statusText.textContent = text;
    this.#progress.hidden = !progress;
    if (!progress) return;
    this.#progress.max = progress.max;
    this.#progress.value = progress.value;
  }
}

/** @param {Offer} offer */
function offerButton({ label, act }) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "offer";
  button.textContent = label;
  button.addEventListener("click", act);
  return button;
}

/**
 * @param {ParentNode} parent
 * @param {string} selector
 * @returns {HTMLElement}
 */
function find(parent, selector) {
  const element = parent.querySelector(selector);
  if (element instanceof HTMLElement) return element;
  throw new Error(`The page has no ${selector}`);
}
