/** Waits of a connection: before its next attempt, and for an answer to it. They double with each failed attempt. */

/** Longest wait before the first new attempt, in milliseconds. */
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30_000;
/** Time limit from opening a transport to its `welcome`, in milliseconds. */
const WELCOME_MS = 5000;
const LONGEST_WELCOME_MS = 20_000;

export class ReconnectWaits {
  #random;
  #attempts = 0;
  /** @type {number | null} wait that the server has asked for, in milliseconds */
  #serverWait = null;

  /** @param {() => number} random from 0 up to 1 */
  constructor(random) {
    this.#random = random;
  }

  /** Begin anew: the connection is open. */
  welcomed() {
    this.#attempts = 0;
    this.#serverWait = null;
  }

  /** @param {number | null} ms wait that the server has asked for; null: none */
  asked(ms) {
    this.#serverWait = ms;
  }

  /** Time limit for `welcome`, in milliseconds. */
  get welcomeMs() {
    return Math.min(LONGEST_WELCOME_MS, WELCOME_MS * 2 ** this.#attempts);
  }

  /**
   * Choose the next wait at random between zero and the longest one, so that many clients do not return together.
   * @returns {number} milliseconds
   */
  next() {
    const longest = this.#serverWait ?? Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** this.#attempts);
    this.#serverWait = null;
    this.#attempts += 1;
    return Math.floor(this.#random() * longest);
  }
}
