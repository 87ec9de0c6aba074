/**
 * Keeps the end of the conversation in view until the reader scrolls up; a button leads back. It hears of what has grown
 * from the browser, between layout and paint of the same frame: asking for a height before would cost a layout of its own.
 */

/** How close to the end counts as being there, in CSS pixels. */
const NEAR_PX = 24;

export class Scroller {
  #viewport;
  #button;
  #following = false;
  #lastTop = 0;
  #observer = new AbortController();
  #resizes = new ResizeObserver(() => this.#goToEnd());

  /**
   * @param {HTMLElement} viewport the element that scrolls
   * @param {HTMLElement} button
   */
  constructor(viewport, button) {
    this.#viewport = viewport;
    this.#button = button;
  }

  start() {
    const { signal } = this.#observer;
    this.#viewport.addEventListener("scroll", () => this.#scrolled(), { signal, passive: true });
    this.#button.addEventListener("click", () => this.follow(), { signal });
    for (const part of [this.#viewport, ...this.#viewport.children]) this.#resizes.observe(part);
  }

  stop() {
    this.#observer.abort();
    this.#resizes.disconnect();
  }

  /** Shows the beginning, of what is not a conversation. */
  goToStart() {
    this.#following = false;
    this.#button.hidden = true;
    this.#viewport.scrollTop = 0;
    this.#lastTop = 0;
  }

  /** Goes to the end and stays there. */
  follow() {
    this.#setFollowing(true);
    this.#goToEnd();
  }

  /** The reader is led elsewhere. */
  leave() {
    this.#setFollowing(false);
  }

  /** Brings a place into the middle, also within a box that scrolls sideways. @param {Range} place */
  center(place) {
    const at = place.getBoundingClientRect();
    const { top, height } = this.#viewport.getBoundingClientRect();
    const by = at.top + at.height / 2 - (top + height / 2);
    if (Math.abs(by) > 1) this.#viewport.scrollTop += by;
    for (let box = place.startContainer.parentElement; box && box !== this.#viewport; box = box.parentElement) {
      const { left, right } = box.getBoundingClientRect();
      if (box.scrollWidth > box.clientWidth && (at.left < left || at.right > right)) box.scrollLeft += at.left - (left + right) / 2;
    }
  }

  /** Stays at the end of longer content, unless the reader has left it. */
  #goToEnd() {
    if (!this.#following) return;
    this.#viewport.scrollTop = this.#viewport.scrollHeight;
    this.#lastTop = this.#viewport.scrollTop;
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.#viewport;
    const isAtEnd = scrollHeight - clientHeight - scrollTop <= NEAR_PX;
    const wentUp = scrollTop < this.#lastTop;
    this.#lastTop = scrollTop;
    if (isAtEnd) this.#setFollowing(true);
    else if (wentUp) this.#setFollowing(false);
  }

  /** @param {boolean} following */
  #setFollowing(following) {
    if (this.#button.hidden !== following) this.#button.hidden = following;
    this.#following = following;
  }
}
