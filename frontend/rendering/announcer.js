/**
 * Screen reader announcements: state changes, and the sentences of an answer. Complete sentences are announced in
 * groups, each once. Thinking is announced as one word, without its text. A hidden page announces nothing; when it
 * becomes visible, only its current state is announced.
 */

import { ThinkingSplitter } from "./markdown/thinking-splitter.js";
import { SentenceReader } from "./sentence-reader.js";

/** @typedef {import("../connection.js").Clock} Clock */

/** Delay before sentences are announced together, in milliseconds. */
const GATHER_MS = 1500;
/**
 * Largest number of announcements in the region. Screen readers might skip an announcement that is replaced at once.
 */
const KEPT = 3;

export class Announcer {
  #region;
  #clock;
  #isHidden;
  #sentences = new SentenceReader();
  /** @type {string[]} */
  #unannounced = [];
  #isThinking = false;
  #splitter = this.#newSplitter();
  /** Last state that has not been announced; "" if there is none. */
  #state = "";
  /** @type {unknown} */
  #timer = null;

  /**
   * @param {HTMLElement} region visually hidden live region; screen readers announce what is added to it
   * @param {Clock} clock
   * @param {() => boolean} isHidden returns true while the page is hidden
   */
  constructor(region, clock, isHidden) {
    this.#region = region;
    this.#clock = clock;
    this.#isHidden = isHidden;
  }

  /**
   * Announce a state change, after the sentences that came before it.
   * @param {string} state
   */
  say(state) {
    this.#unannounced.push(state);
    this.#state = state;
    this.#speak();
  }

  /**
   * Announce the sentences of an answer, each when it is complete.
   * @param {string} text new part of the answer
   */
  wrote(text) {
    this.#splitter.append(text);
    if (this.#unannounced.length > 0) this.#timer ??= this.#clock.setTimeout(() => this.#speak(), GATHER_MS);
  }

  /**
   * Announce the rest of the answer and how it ended.
   * @param {string} state
   */
  ended(state) {
    this.#splitter.finish();
    this.#unannounced.push(...this.#sentences.end());
    this.#splitter = this.#newSplitter();
    this.say(state);
  }

  /** Drop unannounced sentences: the page now shows another text. */
  forget() {
    this.#sentences = new SentenceReader();
    this.#splitter = this.#newSplitter();
    this.#unannounced = [];
    this.#forgetTimer();
  }

  #newSplitter() {
    this.#isThinking = false;
    return new ThinkingSplitter({
      text: (text) => this.#unannounced.push(...(this.#isThinking ? [] : this.#sentences.push(text))),
      thinkingBegan: () => this.#thinkingBegan(),
      thinkingEnded: () => (this.#isThinking = false),
      thinkingWasBefore: () => {},
    });
  }

  #thinkingBegan() {
    this.#isThinking = true;
    this.#unannounced.push(...this.#sentences.end(), "Thinking.");
  }

  /** Announce the current state when the page becomes visible again. */
  shown() {
    if (this.#state !== "") this.say(this.#state);
  }

  #speak() {
    this.#forgetTimer();
    const words = this.#unannounced.join(" ");
    this.#unannounced = [];
    if (this.#isHidden() || words === "") return;
    this.#state = "";
    const announcement = document.createElement("p");
    announcement.textContent = words;
    this.#region.append(announcement);
    while (this.#region.childElementCount > KEPT) this.#region.firstElementChild?.remove();
  }

  #forgetTimer() {
    if (this.#timer !== null) this.#clock.clearTimeout(this.#timer);
    this.#timer = null;
  }
}
