/**
 * Gathers changes and paints them together, once per animation frame. A hidden page has no animation frames, so it
 * paints nothing and catches up when it is shown again: in one frame, or in several where there is much to paint.
 */

/** @typedef {{paint: () => void}} Painter */

/** For how long one frame begins to paint, in milliseconds. What then still waits is painted in the next one. */
const FRAME_MS = 6;

export class FrameBatcher {
  #requestFrame;
  #cancelFrame;
  #now;
  /** @type {Set<Painter>} */
  #waiting = new Set();
  /** @type {number | null} */
  #frame = null;

  /**
   * @param {(paint: () => void) => number} requestFrame
   * @param {(frame: number) => void} cancelFrame
   * @param {() => number} [now] milliseconds
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
  }

  /**
   * Has the painter called in the next frame, however often it is asked for until then.
   * @param {Painter} painter
   */
  schedule(painter) {
    this.#waiting.add(painter);
    this.#frame ??= this.#requestFrame(() => this.#paint());
  }

  /** Takes turns, as long as the frame has time: a painter that has more to paint schedules itself again. */
  #paint() {
    const end = this.#now() + FRAME_MS;
    do {
      const painters = [...this.#waiting];
      this.#waiting.clear();
      for (const painter of painters) painter.paint();
    } while (this.#waiting.size > 0 && this.#now() < end);
    this.#frame = null;
    if (this.#waiting.size > 0) this.#frame = this.#requestFrame(() => this.#paint());
  }
}
