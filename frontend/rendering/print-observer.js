/** Notices that the page is about to be printed. What print shows has to be on the page before its layout for paper. */

/** @typedef {Pick<Window, "addEventListener" | "matchMedia">} PrintingWindow */

export class PrintObserver {
  #window;
  #observer = new AbortController();

  /** @param {PrintingWindow} window */
  constructor(window) {
    this.#window = window;
  }

  /** @param {() => void} began may be called twice for one printing */
  start(began) {
    const { signal } = this.#observer;
    this.#window.addEventListener("beforeprint", () => began(), { signal });
    // A page that is laid out for paper without being printed, as by the tools for developers, has no such event.
    const changed = (/** @type {MediaQueryListEvent} */ { matches }) => matches && began();
    this.#window.matchMedia("print").addEventListener("change", changed, { signal });
  }

  stop() {
    this.#observer.abort();
  }
}
