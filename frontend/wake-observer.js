/** Observer of the page's visibility and of the network: after a change of either, a connection may be dead. */

/**
 * @typedef {object} WakeDelegate
 * @property {() => void} pageWoke the page is visible again, or the network has changed
 * @property {() => void} pageSlept the page is hidden, and may be closed without further notice
 */

export class WakeObserver {
  #delegate;
  #observer = new AbortController();

  /** @param {WakeDelegate} delegate */
  constructor(delegate) {
    this.#delegate = delegate;
  }

  start() {
    const { signal } = this.#observer;
    for (const change of ["online", "offline", "pageshow"]) {
      window.addEventListener(change, () => this.#delegate.pageWoke(), { signal });
    }
    window.addEventListener("pagehide", () => this.#delegate.pageSlept(), { signal });
    document.addEventListener("resume", () => this.#delegate.pageWoke(), { signal });
    document.addEventListener("visibilitychange", () => this.#visibilityChanged(), { signal });
  }

  stop() {
    this.#observer.abort();
  }

  #visibilityChanged() {
    if (document.visibilityState === "visible") this.#delegate.pageWoke();
    else this.#delegate.pageSlept();
  }
}
