/** Notices that the network or the page is back, when a connection is worth another look. */

/** @typedef {{pageWoke: () => void}} WakeDelegate */

export class WakeObserver {
  #delegate;
  #observer = new AbortController();

  /** @param {WakeDelegate} delegate */
  constructor(delegate) {
    this.#delegate = delegate;
  }

  start() {
    const { signal } = this.#observer;
    window.addEventListener("online", () => this.#delegate.pageWoke(), { signal });
    document.addEventListener("visibilitychange", () => this.#visibilityChanged(), { signal });
  }

  stop() {
    this.#observer.abort();
  }

  #visibilityChanged() {
    if (document.visibilityState === "visible") this.#delegate.pageWoke();
  }
}
