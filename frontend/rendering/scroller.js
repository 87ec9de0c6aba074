/**
 * Scroll position of the transcript. Keeps the end in view until the user scrolls up; a button leads back to it. A
 * ResizeObserver reports growth between layout and paint, since reading a height earlier would cost an additional
 * layout.
 */

/** Distance from the end that still counts as the end, in CSS pixels. */
const NEAR_PX = 24;

export class Scroller {
  #viewport;
  #button;
  #following = false;
  #isConversation = false;
  #lastTop = 0;
  #observer = new AbortController();
  #resizes = new ResizeObserver(() => this.#resized());

  /**
   * @param {HTMLElement} viewport the element that scrolls
   * @param {HTMLElement} button scrolls back to the end
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

  /** Scroll to the start, for content other than a conversation. */
  goToStart() {
    this.#following = this.#isConversation = false;
    this.#button.hidden = true;
    this.#viewport.scrollTop = 0;
    this.#lastTop = 0;
  }

  /** Scroll to the end and keep it in view. */
  follow() {
    this.#setFollowing(true);
    this.#goToEnd();
  }

  /** Stop following the end, because the page is about to scroll elsewhere. */
  leave() {
    this.#setFollowing(false);
  }

  /** Scroll a range to the middle, also inside boxes that scroll sideways. @param {Range} place */
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

  #resized() {
    if (this.#following) this.#goToEnd();
    else if (this.#isConversation) this.#showButton();
  }

  /** Scroll to the end, unless the user has scrolled up. */
  #goToEnd() {
    if (!this.#following) return;
    this.#viewport.scrollTop = this.#viewport.scrollHeight;
    this.#lastTop = this.#viewport.scrollTop;
  }

  #scrolled() {
    const { scrollTop } = this.#viewport;
    const wentUp = scrollTop < this.#lastTop;
    this.#lastTop = scrollTop;
    if (this.#isAtEnd()) this.#setFollowing(true);
    else if (wentUp) this.#setFollowing(false);
  }

  /** @param {boolean} following */
  #setFollowing(following) {
    this.#following = following;
    this.#isConversation = true;
    this.#showButton();
  }

  /** Show the button unless the end is in view. */
  #showButton() {
    const isHidden = this.#following || this.#isAtEnd();
    if (this.#button.hidden !== isHidden) this.#button.hidden = isHidden;
  }

  #isAtEnd() {
    const { scrollTop, scrollHeight, clientHeight } = this.#viewport;
    return scrollHeight - clientHeight - scrollTop <= NEAR_PX;
  }
}
