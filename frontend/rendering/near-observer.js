/** Tells, once for each element, that it comes near what the reader sees. */

/** How far outside of the viewport counts as near. */
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
   * @param {Element} element
   * @param {() => void} then
   */
  await(element, then) {
    this.#waiting.set(element, then);
    this.#observer.observe(element);
  }

  /** @param {Element} element */
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
