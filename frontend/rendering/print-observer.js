/**
 * Observer of printing. The page must contain everything that is to be printed before the browser lays it out for
 * paper.
 */

/** @typedef {Pick<Window, "addEventListener" | "matchMedia">} PrintingWindow */

export class PrintObserver {
  #window;
  #observer = new AbortController();

  /** @param {PrintingWindow} window */
  constructor(window) {
    this.#window = window;
  }

  /** @param {() => void} began callback, which may run twice for one printing */
  start(began) {
    const { signal } = this.#observer;
    this.#window.addEventListener("beforeprint", () => began(), { signal });
    // Print emulation in developer tools lays the page out for paper without a `beforeprint` event.
    const changed = (/** @type {MediaQueryListEvent} */ { matches }) => matches && began();
    this.#window.matchMedia("print").addEventListener("change", changed, { signal });
  }

  stop() {
    this.#observer.abort();
  }
}
