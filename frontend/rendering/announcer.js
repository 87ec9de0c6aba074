/**
 * Tells people who listen to the page what has changed and what the answer says: whole sentences, several at a time, each
 * once; of what the model thinks only that it does. While the page is hidden it says nothing, and afterwards only how things stand.
 */

import { ThinkingSplitter } from "./markdown/thinking-splitter.js";
import { SentenceReader } from "./sentence-reader.js";

/** @typedef {import("../connection.js").Clock} Clock */

/** How long sentences are gathered until they are said together, in milliseconds. */
const GATHER_MS = 1500;
/** How many of the announcements stay in the region: one that is replaced at once might not be read out. */
const KEPT = 3;

export class Announcer {
  #region;
  #clock;
  #isHidden;
  #sentences = new SentenceReader();
  /** @type {string[]} */
  #unsaid = [];
  #isThinking = false;
  #splitter = this.#newSplitter();
  /** The last state that nobody has heard. */
  #state = "";
  /** @type {unknown} */
  #timer = null;

  /**
   * @param {HTMLElement} region a visually hidden live region that reads out what is added to it
   * @param {Clock} clock
   * @param {() => boolean} isHidden whether the page is
   */
  constructor(region, clock, isHidden) {
    this.#region = region;
    this.#clock = clock;
    this.#isHidden = isHidden;
  }

  /**
   * Says what has changed, behind the sentences before it.
   * @param {string} state
   */
  say(state) {
    this.#unsaid.push(state);
    this.#state = state;
    this.#speak();
  }

  /**
   * Says the sentences of an answer, each once it is whole.
   * @param {string} text what the answer has grown by
   */
  wrote(text) {
    this.#splitter.append(text);
    if (this.#unsaid.length > 0) this.#timer ??= this.#clock.setTimeout(() => this.#speak(), GATHER_MS);
  }

  /**
   * Says the rest of the answer, and how it ended.
   * @param {string} state
   */
  ended(state) {
    this.#splitter.finish();
    this.#unsaid.push(...this.#sentences.end());
    this.#splitter = this.#newSplitter();
    this.say(state);
  }

  /** Leaves out what has not been said yet: another text is shown. */
  forget() {
    this.#sentences = new SentenceReader();
    this.#splitter = this.#newSplitter();
    this.#unsaid = [];
    this.#forgetTimer();
  }

  #newSplitter() {
    this.#isThinking = false;
    return new ThinkingSplitter({
      text: (text) => this.#unsaid.push(...(this.#isThinking ? [] : this.#sentences.push(text))),
      thinkingBegan: () => this.#thinkingBegan(),
      thinkingEnded: () => (this.#isThinking = false),
      thinkingWasBefore: () => {},
    });
  }

  #thinkingBegan() {
    this.#isThinking = true;
    this.#unsaid.push(...this.#sentences.end(), "Thinking.");
  }

  /** The page can be seen again. */
  shown() {
    if (this.#state !== "") this.say(this.#state);
  }

  #speak() {
    this.#forgetTimer();
    const words = this.#unsaid.join(" ");
    this.#unsaid = [];
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
