/** A clock that stands still until a test moves it. */

/** @typedef {import("../../frontend/connection.js").Clock} Clock */
/** @typedef {{at: number, then: () => void}} Timer */

/** @implements {Clock} */
export class FakeClock {
  #now = 0;
  /** @type {Set<Timer>} */
  #timers = new Set();

  now() {
    return this.#now;
  }

  /**
   * @param {() => void} then
   * @param {number} ms
   */
  setTimeout(then, ms) {
    const timer = { at: this.#now + ms, then };
    this.#timers.add(timer);
    return timer;
  }

  /** @param {unknown} timer */
  clearTimeout(timer) {
    this.#timers.delete(/** @type {Timer} */ (timer));
  }

  get timerCount() {
    return this.#timers.size;
  }

  /**
   * Lets time pass and runs what is due, in order.
   * @param {number} ms
   */
  advance(ms) {
    const end = this.#now + ms;
    for (let timer = this.#nextUntil(end); timer; timer = this.#nextUntil(end)) {
      this.#timers.delete(timer);
      this.#now = timer.at;
      timer.then();
    }
    this.#now = end;
  }

  /** @param {number} end */
  #nextUntil(end) {
    return [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
  }
}
