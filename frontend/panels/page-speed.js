/** Tokens per second that reach this page: a mean over the same time as the server's figure. */

/** Length of the window in milliseconds, as in server/generations/speed.py. */
const WINDOW_MS = 3000;

export class PageSpeed {
  /** @type {{at: number, count: number}[]} oldest first; the first may be older than the window */
  #readings = [];

  /**
   * @param {number} at milliseconds
   * @param {number} count tokens so far
   * @returns {number | null} null for the first reading
   */
  add(at, count) {
    this.#readings.push({ at, count });
    while ((this.#readings[1]?.at ?? Infinity) <= at - WINDOW_MS) this.#readings.shift();
    if (this.#readings.length < 2) return null;
    const before = this.#lastBeforeTokens();
    const seconds = (at - before.at) / 1000;
    return seconds > 0 ? Math.max(0, count - before.count) / seconds : 0;
  }

  clear() {
    this.#readings = [];
  }

  /**
   * Find the last reading before the window's first token. The time before that token does not count, as in the
   * server's figure.
   */
  #lastBeforeTokens() {
    const [first = { at: 0, count: 0 }] = this.#readings;
    return this.#readings.findLast(({ count }) => count === first.count) ?? first;
  }
}
