/** Notices when the page or the network goes and comes back, after which a connection is worth another look. */

/**
 * @typedef {object} WakeDelegate
 * @property {() => void} pageWoke the page is seen again, or the network has changed
 * @property {() => void} pageSlept it may be the last moment of this page
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
