/** The conversation on the page: its exchanges, or a welcome while there are none. */

import { MessageView } from "./message-view.js";

/** @typedef {import("./frame-batcher.js").FrameBatcher} FrameBatcher */
/** @typedef {import("./scroller.js").Scroller} Scroller */
/**
 * @typedef {object} TranscriptElements
 * @property {HTMLElement} list
 * @property {HTMLElement} welcome
 * @property {HTMLTemplateElement} template
 */
/** @typedef {{transcriptSuggested: (text: string) => void}} TranscriptDelegate */

export class TranscriptView {
  #elements;
  #batcher;
  #scroller;
  #observer = new AbortController();

  /**
   * @param {TranscriptElements} elements
   * @param {FrameBatcher} batcher
   * @param {Scroller} scroller
   */
  constructor(elements, batcher, scroller) {
    this.#elements = elements;
    this.#batcher = batcher;
    this.#scroller = scroller;
  }

  /** @param {TranscriptDelegate} delegate */
  start(delegate) {
    this.#batcher.start(() => this.#scroller.contentGrew());
    this.#scroller.start();
    for (const button of this.#elements.welcome.querySelectorAll("button")) {
      const suggest = () => delegate.transcriptSuggested(button.textContent.trim());
      button.addEventListener("click", suggest, { signal: this.#observer.signal });
    }
  }

  stop() {
    this.#observer.abort();
    this.#scroller.stop();
    this.#batcher.stop();
  }

  /**
   * @param {string} prompt
   * @returns {MessageView}
   */
  add(prompt) {
    const { list, welcome, template } = this.#elements;
    const content = /** @type {DocumentFragment} */ (template.content.cloneNode(true));
    const view = new MessageView(content, prompt, this.#batcher);
    list.append(content);
    welcome.hidden = true;
    this.#scroller.follow();
    return view;
  }

  clear() {
    this.#elements.list.replaceChildren();
    this.#elements.welcome.hidden = false;
    this.#scroller.goToStart();
  }
}
