/** Asks the server once a second what its engine is doing, for as long as somebody looks. */

/** @typedef {import("../connection.js").Clock} Clock */
/** @typedef {import("../protocol/messages.js").ServerStatus} ServerStatus */
/**
 * @typedef {object} Sample
 * @property {ServerStatus | null} status null where the server has not answered in time
 * @property {number} roundTrip milliseconds until its answer
 * @property {number} pagePerSecond tokens that reached this page, per second since the last sample
 */
/** @typedef {{askStatus: (told: (status: ServerStatus) => void) => void, readonly pieceCount: number}} Asked */

/** Between two questions, in milliseconds. */
export const PERIOD_MS = 1000;

export class EngineMonitor {
  #connection;
  #clock;
  /** @type {unknown} */
  #timer = null;
  /** Counts the questions, so that a late answer is known as one. */
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
  }

  /** @param {(sample: Sample) => void} sampled */
  #ask(sampled) {
    const asked = this.#clock.now();
    const before = this.#connection.pieceCount;
    const question = (this.#question += 1);
    /** @type {Pick<Sample, "status" | "roundTrip">} */
    let answer = { status: null, roundTrip: 0 };
    this.#connection.askStatus((status) => {
      if (question === this.#question) answer = { status, roundTrip: this.#clock.now() - asked };
    });
    this.#timer = this.#clock.setTimeout(() => {
      const seconds = (this.#clock.now() - asked) / 1000;
      const pagePerSecond = Math.max(0, this.#connection.pieceCount - before) / seconds;
      this.#ask(sampled);
      sampled({ ...answer, pagePerSecond });
    }, PERIOD_MS);
  }
}
