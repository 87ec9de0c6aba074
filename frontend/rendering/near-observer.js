/** Observer that calls back once when an element comes near the viewport. */

/** Distance from the viewport that counts as near. */
const MARGIN = "1200px 0px";

export class NearObserver {
  /** @type {Map<Element, () => void>} */
  #waiting = new Map();
  #observer;

  /** @param {HTMLElement} viewport the element that scrolls */
  constructor(viewport) {
    this.#observer = new IntersectionObserver((entries) => this.#moved(entries), { root: viewport, rootMargin: MARGIN });
  }

  /**
   * Call back once when the element comes near the viewport.
   * @param {Element} element
   * @param {() => void} then callback
   */
  await(element, then) {
    this.#waiting.set(element, then);
    this.#observer.observe(element);
  }

  /** Stop observing the element. @param {Element} element */
  forget(element) {
    this.#waiting.delete(element);
    this.#observer.unobserve(element);
  }

  stop() {
    this.#waiting.clear();
    this.#observer.disconnect();
  }

  /** @param {IntersectionObserverEntry[]} entries */
  #moved(entries) {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      const then = this.#waiting.get(target);
      this.forget(target);
      then?.();
    }
  }
}
