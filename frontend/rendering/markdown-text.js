/**
 * Markdown text that grows on the page. Finished blocks are never changed, so that appending to a long text costs no
 * more than appending to a short one. Thinking is shown in a closed fold. Owns the content of its element.
 */

import { BlockParser } from "./markdown/block-parser.js";
import { BlockView } from "./markdown/block-view.js";
import { CopyButton } from "./markdown/copy-button.js";
import { Entities } from "./markdown/entities.js";
import { Highlighter } from "./markdown/highlighter.js";
import { IdleQueue, pauseWithin } from "./markdown/idle-queue.js";
import { MathRenderer } from "./markdown/math-renderer.js";
import { Outline } from "./markdown/outline.js";
import { References } from "./markdown/references.js";
import { ThinkingSplitter } from "./markdown/thinking-splitter.js";
import { ThinkingView } from "./markdown/thinking-view.js";

/** @typedef {import("./markdown/inline-view.js").Answer} Answer */
/** @typedef {Pick<Answer, "entities" | "math" | "highlighting">} Painters loaders and painters that all answers share */

/** @typedef {{element: HTMLElement, parser: BlockParser}} Body */
/**
 * State at the time when the text was finished, for a text that continues later.
 * @typedef {{splitter: ThinkingSplitter, body: Body, given: number, thoughtMs: number}} Finished
 *   given: length of the text that the body had received; thoughtMs: duration of the thinking so far
 */

/**
 * Longest time that colours and formulas wait for a pause between frames, in milliseconds. Without this limit they
 * would wait several hundred milliseconds while the page adds a long conversation, which leaves no pauses.
 */
const LONGEST_WAIT_MS = 60;
/** Text with every kind of block, for `warmUp`. */
const SAMPLE = "## a\n\n**b** *c* `d` [e](f) $g$\n\n- h\n  1. i\n\n| j | k |\n|:--|--:|\n| l | m |\n\n> n\n\n```o\np\n```\n";

export class MarkdownText {
  /** @type {Painters | null} shared by all texts of the page, so that there is one worker and each library is loaded once */
  static #shared = null;
  static #queue = new IdleQueue(pauseWithin(LONGEST_WAIT_MS));

  #element;
  #painters;
  #now;
  #beganAt;
  #answer;
  #splitter;
  /** @type {Body} body that receives new text */
  #body;
  /** @type {ThinkingView | null} open thinking block */
  #thinking = null;
  /** @type {ThinkingView[]} finished thinking blocks */
  #thoughts = [];
  /** @type {number[]} durations of the thinking blocks by the server's clock, in milliseconds; 0 if unknown */
  #thoughtTimes = [];
  #endsWithReturn = false;
  /** The whole text, needed if it was finished inside a thinking block and then continues. */
  #text = "";
  #given = 0;
  /** @type {Finished | null} */
  #finished = null;

  /**
   * @param {HTMLElement} element
   * @param {Painters} [painters]
   * @param {() => number} [now] clock in milliseconds
   */
  constructor(element, painters = MarkdownText.#sharedPainters(), now = () => performance.now()) {
    this.#element = element;
    this.#painters = painters;
    this.#now = now;
    this.#beganAt = now();
    this.#answer = this.#newAnswer();
    this.#splitter = this.#newSplitter();
    this.#body = this.#openBody(element);
    element.classList.add("markdown");
    element.addEventListener("click", (event) => CopyButton.clicked(event));
  }

  /** Render a sample once, so that the browser has compiled the code before the first answer arrives. */
  static warmUp() {
    const painters = { entities: new Entities(), math: { render: () => {} }, highlighting: { paint: () => {} } };
    const text = new MarkdownText(document.createElement("div"), painters);
    text.append(SAMPLE);
    text.finish();
  }

  /**
   * Paint colours and formulas later.
   * @param {boolean} isHeld false to paint them in the pauses between frames
   */
  static holdPainting(isHeld) {
    this.#queue.hold(isHeld);
  }

  /** Paint the waiting colours and formulas now. */
  static paintWaiting() {
    this.#queue.flush();
  }

  static #sharedPainters() {
    const queue = this.#queue;
    this.#shared ??= { entities: new Entities(), math: new MathRenderer(queue), highlighting: new Highlighter(queue) };
    return this.#shared;
  }

  /** Remove the whole text. */
  clear() {
    this.#element.replaceChildren();
    this.#beganAt = this.#now();
    this.#thinking = null;
    this.#thoughts = [];
    this.#endsWithReturn = false;
    this.#text = "";
    this.#finished = null;
    this.#answer = this.#newAnswer();
    this.#splitter = this.#newSplitter();
    this.#body = this.#openBody(this.#element);
  }

  /** @param {string} text */
  append(text) {
    const clean = this.#withLineFeeds(text);
    if (clean !== "" && this.#finished) this.#reopen(this.#finished);
    this.#text += clean;
    this.#splitter.append(clean);
    this.#body.parser.show();
  }

  /**
   * Show how long the thinking took by the server's clock, so that every device shows the same time.
   * @param {number[]} times milliseconds of each thinking block; 0 if unknown
   * @param {boolean} isWhole true if no more text comes; until then a block may take longer than the server has
   *   reported
   */
  tellThoughts(times, isWhole) {
    this.#thoughtTimes = times;
    if (isWhole) for (const [index, view] of this.#thoughts.entries()) if (times[index]) view.end(times[index]);
  }

  /** Replace each carriage return, alone or before a line feed, by one line feed. @param {string} text */
  #withLineFeeds(text) {
    const rest = this.#endsWithReturn && text.startsWith("\n") ? text.slice(1) : text;
    if (text !== "") this.#endsWithReturn = text.endsWith("\r");
    return rest.includes("\r") ? rest.replace(/\r\n?/g, "\n") : rest;
  }

  /** Close the open blocks. They are reopened if text is appended later. */
  finish() {
    const thoughtMs = this.#now() - this.#beganAt;
    this.#finished ??= { splitter: this.#splitter.copy(), body: this.#body, given: this.#given, thoughtMs };
    this.#splitter.finish();
    this.#body.parser.finish();
  }

  /**
   * Undo `finish`: continue the last block, or parse again from the start if a thinking block was cut.
   * @param {Finished} finished
   */
  #reopen({ splitter, body, given, thoughtMs }) {
    this.#finished = null;
    if (body === this.#body) {
      this.#splitter = splitter;
      return body.parser.reopen(this.#given - given);
    }
    const [text, endsWithReturn] = [this.#text, this.#endsWithReturn];
    this.clear();
    this.#endsWithReturn = endsWithReturn;
    this.#text = text;
    this.#splitter.append(text);
    this.#beganAt = this.#now() - thoughtMs;
  }

  /** @returns {Answer} */
  #newAnswer() {
    return { references: new References(), outline: new Outline(), now: this.#now, ...this.#painters };
  }

  #newSplitter() {
    return new ThinkingSplitter({
      text: (text) => this.#appendToBody(text),
      thinkingBegan: () => this.#thinkingBegan(),
      thinkingEnded: () => this.#thinkingEnded(),
      thinkingWasBefore: () => this.#thinkingWasBefore(),
    });
  }

  /** @param {string} text */
  #appendToBody(text) {
    this.#given += text.length;
    this.#body.parser.append(text);
  }

  /**
   * @param {Element} parent
   * @returns {Body}
   */
  #openBody(parent) {
    const element = document.createElement("div");
    element.className = "markdown-body";
    parent.append(element);
    return { element, parser: new BlockParser(new BlockView(element, this.#answer)) };
  }

  #thinkingBegan() {
    this.#endBody();
    this.#beganAt = this.#now();
    this.#thinking = new ThinkingView(this.#element);
    this.#body = this.#openBody(this.#thinking.element);
  }

  #thinkingEnded() {
    this.#body.parser.finish();
    if (this.#thinking) this.#endThought(this.#thinking);
    this.#thinking = null;
    this.#body = this.#openBody(this.#element);
  }

  #thinkingWasBefore() {
    this.#body.parser.finish();
    const thinking = new ThinkingView(this.#element);
    thinking.element.append(this.#body.element);
    this.#endThought(thinking);
    this.#body = this.#openBody(this.#element);
  }

  /** @param {ThinkingView} thinking */
  #endThought(thinking) {
    const known = this.#thoughtTimes[this.#thoughts.length] ?? 0;
    this.#thoughts.push(thinking);
    thinking.end(Math.max(known, this.#now() - this.#beganAt));
  }

  #endBody() {
    this.#body.parser.finish();
    if (!this.#body.element.hasChildNodes()) this.#body.element.remove();
  }
}
