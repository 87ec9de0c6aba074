/**
 * Gathers changes and paints them together, once per animation frame. A hidden page has no animation frames, so it
 * paints nothing and catches up in one frame when it is shown again.
 */

/** @typedef {{paint: () => void}} Painter */

export class FrameBatcher {
  #requestFrame;
  #cancelFrame;
  /** @type {Set<Painter>} */
  #waiting = new Set();
  /** @type {number | null} */
  #frame = null;
  #afterPaint = () => {};

  /**
   * @param {(paint: () => void) => number} requestFrame
   * @param {(frame: number) => void} cancelFrame
   */
  constructor(requestFrame, cancelFrame) {
    this.#requestFrame = requestFrame;
    this.#cancelFrame = cancelFrame;
  }

  /** @param {() => void} afterPaint called once after each frame's painters */
  start(afterPaint) {
    this.#afterPaint = afterPaint;
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

  #paint() {
    const painters = [...this.#waiting];
    this.#waiting.clear();
    this.#frame = null;
    for (const painter of painters) painter.paint();
    this.#afterPaint();
  }
}
