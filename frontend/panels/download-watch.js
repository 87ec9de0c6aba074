/** Watches the downloads by long poll: all browsers of a user see the same queue. */

/** @typedef {import("../connection.js").Clock} Clock */
/** @typedef {import("./models-api.js").Download} Download */
/** @typedef {import("./models-api.js").ModelsApi} ModelsApi */

/** Wait after a failed request, in milliseconds. */
const RETRY_MS = 2000;
/** Shortest time from one answer to the next request, in milliseconds, while a download reports its progress. */
const PAUSE_MS = 250;

export class DownloadWatch {
  #api;
  #clock;
  /** @type {AbortController | null} */
  #running = null;

  /**
   * @param {Pick<ModelsApi, "downloads">} api
   * @param {Clock} clock
   */
  constructor(api, clock) {
    this.#api = api;
    this.#clock = clock;
  }

  get isRunning() {
    return this.#running !== null;
  }

  /** @param {(downloads: Download[]) => void} changed called with the downloads now, and after each change */
  start(changed) {
    if (this.#running) return;
    this.#running = new AbortController();
    void this.#watch(changed, this.#running.signal);
  }

  stop() {
    this.#running?.abort();
    this.#running = null;
  }

  /**
   * @param {(downloads: Download[]) => void} changed
   * @param {AbortSignal} signal
   */
  async #watch(changed, signal) {
    /** @type {number | null} */
    let version = null;
    while (!signal.aborted) {
      let pause = PAUSE_MS;
      try {
        const answer = await this.#api.downloads(version, signal);
        if (signal.aborted) return;
        version = answer.version;
        changed(answer.downloads);
      } catch {
        version = null;
        pause = RETRY_MS;
      }
      await this.#pause(pause, signal);
    }
  }

  /**
   * @param {number} ms
   * @param {AbortSignal} signal
   */
  #pause(ms, signal) {
    return new Promise((resume) => {
      const timer = this.#clock.setTimeout(() => resume(undefined), ms);
      signal.addEventListener("abort", () => {
        this.#clock.clearTimeout(timer);
        resume(undefined);
      }, { once: true });
    });
  }
}
