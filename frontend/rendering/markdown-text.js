/**
 * A growing Markdown text on the page. What is finished is never touched again, so that adding to a long text costs no
 * more than adding to a short one; what a model thinks is folded away. Owns all that is in its element.
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
/** @typedef {Pick<Answer, "entities" | "math" | "highlighting">} Painters what is loaded and painted later, for all answers */

/** @typedef {{element: HTMLElement, parser: BlockParser}} Body */
/**
 * What stood when the text was finished.
 * @typedef {{splitter: ThinkingSplitter, body: Body, given: number, thoughtMs: number}} Finished
 *   given: how much text the body had been given; thoughtMs: how long the model had been thinking
 */

/**
 * How long colours and formulas wait at most for a pause between frames, in milliseconds. While a long conversation comes onto the page
 * there is no pause for some hundred milliseconds, and those that are seen would wait as long.
 */
const LONGEST_WAIT_MS = 60;
/** A little of everything. */
const SAMPLE = "## a\n\n**b** *c* `d` [e](f) $g$\n\n- h\n  1. i\n\n| j | k |\n|:--|--:|\n| l | m |\n\n> n\n\n```o\np\n```\n";

export class MarkdownText {
  /** @type {Painters | null} for all texts of the page, which so share one worker and one load of each library */
  static #shared = null;
  static #queue = new IdleQueue(pauseWithin(LONGEST_WAIT_MS));

  #element;
  #painters;
  #now;
  #beganAt;
  #answer;
  #splitter;
  /** @type {Body} where text goes now */
  #body;
  /** @type {ThinkingView | null} what the model is thinking now */
  #thinking = null;
  /** @type {ThinkingView[]} thoughts that have ended */
  #thoughts = [];
  /** @type {number[]} milliseconds that each thought took, as the server has them; 0 where it isn't known */
  #thoughtTimes = [];
  #endsWithReturn = false;
  /** All of it, for a text that is cut in a thought and goes on. */
  #text = "";
  #given = 0;
  /** @type {Finished | null} */
  #finished = null;

  /**
   * @param {HTMLElement} element
   * @param {Painters} [painters]
   * @param {() => number} [now] milliseconds
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

  /** Has the browser compile what answers need before there is one: the first one is then there sooner. */
  static warmUp() {
    const painters = { entities: new Entities(), math: { render: () => {} }, highlighting: { paint: () => {} } };
    const text = new MarkdownText(document.createElement("div"), painters);
    text.append(SAMPLE);
    text.finish();
  }

  /**
   * Paint the colours and formulas now that wait for a pause.
   * @param {number} [longest] milliseconds after which none is begun
   */
  static paintWaiting(longest = Infinity) {
    this.#queue.flush(longest);
  }

  static #sharedPainters() {
    const queue = this.#queue;
    this.#shared ??= { entities: new Entities(), math: new MathRenderer(queue), highlighting: new Highlighter(queue) };
    return this.#shared;
  }

  /** Forgets all of it. */
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
   * Shows how long the thoughts took by the server's clock, which is the same on every device.
   * @param {number[]} times milliseconds each; 0 where it isn't known
   * @param {boolean} isWhole whether no more text comes: until then a thought may take longer than the server has said
   */
  tellThoughts(times, isWhole) {
    this.#thoughtTimes = times;
    if (isWhole) for (const [index, view] of this.#thoughts.entries()) if (times[index]) view.end(times[index]);
  }

  /** A carriage return is a line end too, and one with the line feed behind it. @param {string} text */
  #withLineFeeds(text) {
    const rest = this.#endsWithReturn && text.startsWith("\n") ? text.slice(1) : text;
    if (text !== "") this.#endsWithReturn = text.endsWith("\r");
    return rest.includes("\r") ? rest.replace(/\r\n?/g, "\n") : rest;
  }

  /** No more will come, for now: what is open is closed, until text is appended after all. */
  finish() {
    const thoughtMs = this.#now() - this.#beganAt;
    this.#finished ??= { splitter: this.#splitter.copy(), body: this.#body, given: this.#given, thoughtMs };
    this.#splitter.finish();
    this.#body.parser.finish();
  }

  /** Goes on as if there had been no end: in the last block, or where a thought was cut from the beginning. @param {Finished} finished */
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
      text: (text) => this.#say(text),
      thinkingBegan: () => this.#thinkingBegan(),
      thinkingEnded: () => this.#thinkingEnded(),
      thinkingWasBefore: () => this.#thinkingWasBefore(),
    });
  }

  /** @param {string} text */
  #say(text) {
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
