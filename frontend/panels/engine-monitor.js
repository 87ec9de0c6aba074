/** Sampling of the server's status, once a second while the engine panel is visible. */

import { PageSpeed } from "./page-speed.js";

/** @typedef {import("../connection.js").Clock} Clock */
/** @typedef {import("../protocol/messages.js").ServerStatus} ServerStatus */
/**
 * @typedef {object} Sample speeds at the time when the status arrived
 * @property {ServerStatus | null} status null if the server has not answered in time
 * @property {number} roundTrip time from request to reply, in milliseconds
 * @property {number | null} pagePerSecond tokens that reach this page, per second; null while too little is known
 */
/** @typedef {{askStatus: (receive: (status: ServerStatus) => void) => void, readonly pieceCount: number}} Asked */

/** Time between two requests, in milliseconds. A status that takes longer counts as no reply. */
export const PERIOD_MS = 1000;

export class EngineMonitor {
  #connection;
  #clock;
  #speed = new PageSpeed();
  /** @type {unknown} */
  #timer = null;
  /** Number of the open request. A reply to an earlier one is dropped. */
  #question = 0;

  /**
   * @param {Asked} connection
   * @param {Clock} clock
   */
  constructor(connection, clock) {
    this.#connection = connection;
    this.#clock = clock;
  }

  get isRunning() {
    return this.#timer !== null;
  }

  /** @param {(sample: Sample) => void} sampled */
  start(sampled) {
    if (!this.isRunning) this.#ask(sampled);
  }

  stop() {
    if (this.#timer !== null) this.#clock.clearTimeout(this.#timer);
    this.#timer = null;
    this.#question += 1;
    this.#speed.clear();
  }

  /** @param {(sample: Sample) => void} sampled */
  #ask(sampled) {
    const asked = this.#clock.now();
    const question = (this.#question += 1);
    let isAnswered = false;
    this.#timer = this.#clock.setTimeout(() => {
      const missed = isAnswered ? null : { status: null, roundTrip: 0, pagePerSecond: this.#measure() };
      this.#ask(sampled);
      if (missed) sampled(missed);
    }, PERIOD_MS);
    this.#connection.askStatus((status) => {
      if (question !== this.#question) return;
      isAnswered = true;
      sampled({ status, roundTrip: this.#clock.now() - asked, pagePerSecond: this.#measure(status.tokens_per_second) });
    });
  }

  /**
   * @param {number} [server] tokens per second of the whole server, which caps the page's figure: resumed answers
   *   arrive faster than they are written
   */
  #measure(server = Infinity) {
    const page = this.#speed.add(this.#clock.now(), this.#connection.pieceCount);
    return page === null ? null : Math.min(page, server);
  }
}
