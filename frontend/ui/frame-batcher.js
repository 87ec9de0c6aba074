/**
 * Batcher that paints changes together, once per animation frame. A hidden page has no animation frames, so nothing
 * is painted until it is shown again; then it catches up, in several frames if there is much to paint.
 */

/** @typedef {{paint: () => void}} Painter */

/** Time limit for starting painters in one frame, in milliseconds. Painters beyond it run in the next frame. */
const FRAME_MS = 6;

export class FrameBatcher {
  #requestFrame;
  #cancelFrame;
  #now;
  /** @type {Set<Painter>} */
  #waiting = new Set();
  /** @type {Set<Painter>} painters for the frame after the next one */
  #later = new Set();
  /** @type {number | null} */
  #frame = null;

  /**
   * @param {(paint: () => void) => number} requestFrame
   * @param {(frame: number) => void} cancelFrame
   * @param {() => number} [now] clock in milliseconds
   */
  constructor(requestFrame, cancelFrame, now = () => performance.now()) {
    this.#now = now;
    this.#requestFrame = requestFrame;
    this.#cancelFrame = cancelFrame;
  }

  stop() {
    if (this.#frame !== null) this.#cancelFrame(this.#frame);
    this.#frame = null;
    this.#waiting.clear();
    this.#later.clear();
  }

  /**
   * Call the painter once in the next frame, even if it is scheduled several times.
   * @param {Painter} painter
   */
  schedule(painter) {
    this.#waiting.add(painter);
    this.#request();
  }

  /**
   * Call the painter once in the frame after the next one, so that the next one is shown sooner.
   * @param {Painter} painter
   */
  scheduleLater(painter) {
    this.#later.add(painter);
    this.#request();
  }

  #request() {
    this.#frame ??= this.#requestFrame(() => this.#paint());
  }

  /** Run painters in turn until the frame's time is over. A painter with more work schedules itself again. */
  #paint() {
    const end = this.#now() + FRAME_MS;
    const later = [...this.#later];
    this.#later.clear();
    do {
      const painters = [...this.#waiting];
      this.#waiting.clear();
      for (const painter of painters) painter.paint();
    } while (this.#waiting.size > 0 && this.#now() < end);
    this.#frame = null;
    for (const painter of later) this.#waiting.add(painter);
    if (this.#waiting.size + this.#later.size > 0) this.#request();
  }
}
