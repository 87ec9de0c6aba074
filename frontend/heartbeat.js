/** Detection of a connection that is dead without having been closed. */

/** Time without a frame after which to send a ping, in milliseconds. */
export const QUIET_MS = 20_000;
/** Time limit for any frame after a ping, in milliseconds. */
export const PATIENCE_MS = 10_000;
/** Time limit after a sleep or a change of network, when a dead connection is likely, in milliseconds. */
export const WAKE_PATIENCE_MS = 4000;

/** @typedef {import("./connection.js").Clock} Clock */
/**
 * @typedef {object} HeartbeatDelegate
 * @property {() => void} heartbeatAsks send a ping now
 * @property {() => void} heartbeatStopped no frame arrived in time
 */

export class Heartbeat {
  #clock;
  #delegate;
  /** @type {unknown} */
  #timer = null;
  #waiting = false;

  /**
   * @param {Clock} clock
   * @param {HeartbeatDelegate} delegate
   */
  constructor(clock, delegate) {
    this.#clock = clock;
    this.#delegate = delegate;
  }

  start() {
    this.#set(QUIET_MS, () => this.ask());
  }

  stop() {
    this.#waiting = false;
    if (this.#timer !== null) this.#clock.clearTimeout(this.#timer);
    this.#timer = null;
  }

  /** Start the quiet time again after a received frame. */
  beat() {
    if (!this.#waiting) return;
    this.stop();
    this.start();
  }

  /**
   * Send a ping now.
   * @param {number} [patience] milliseconds
   */
  ask(patience = PATIENCE_MS) {
    if (this.#waiting) return;
    this.stop();
    this.#waiting = true;
    this.#set(patience, () => this.#giveUp());
    this.#delegate.heartbeatAsks();
  }

  #giveUp() {
    this.stop();
    this.#delegate.heartbeatStopped();
  }

  /**
   * @param {number} ms
   * @param {() => void} then
   */
  #set(ms, then) {
    this.#timer = this.#clock.setTimeout(then, ms);
  }
}
