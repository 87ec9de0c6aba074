/** Status line below a message. Its figures change a few times a second at most, so that they can be read. */

import { find } from "../ui/elements.js";

/** @typedef {import("../words/status-line.js").StatusLine} StatusLine */

/** Shortest time between two changes of the figures, in milliseconds. */
const FIGURES_MS = 200;

export class StatusView {
  #body;
  #foot;
  #repaint;
  /** @type {StatusLine | null} */
  #next = null;
  #words = "";
  #shownAt = 0;
  #isWaiting = false;

  /**
   * @param {HTMLElement} body element of the message, which tells assistive technology that more is coming
   * @param {HTMLElement} foot element that contains the line
   * @param {() => void} repaint asks for another call of `paint`
   */
  constructor(body, foot, repaint) {
    this.#body = body;
    this.#foot = foot;
    this.#repaint = repaint;
  }

  /** @param {StatusLine | null} line shown by the next `paint` */
  set(line) {
    this.#next = line ?? { tone: "quiet", text: "" };
  }

  /**
   * Show the newest line. The end of an answer is shown once all its text is painted.
   * @param {boolean} isBehind true if text is still to be painted
   */
  paint(isBehind) {
    if (!this.#next || (isBehind && this.#next.tone !== "busy")) return;
    if (this.#isTooSoon(this.#next)) return this.#waitForFigures();
    this.#show(this.#next);
    this.#next = null;
  }

  /** Return true if only the figures have changed and the last change is too recent. @param {StatusLine} line */
  #isTooSoon(line) {
    const words = line.text.replace(/[\d.,]+/g, "");
    const isSame = words === this.#words && line.tone === "busy" && !line.progress;
    const now = performance.now();
    if (isSame && now - this.#shownAt < FIGURES_MS) return true;
    this.#words = words;
    this.#shownAt = now;
    return false;
  }

  #waitForFigures() {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    setTimeout(() => {
      this.#isWaiting = false;
      this.#repaint();
    }, FIGURES_MS);
  }

  /** @param {StatusLine} line */
  #show({ tone, text, progress }) {
    const status = this.#foot.querySelector(".status");
    if (!(status instanceof HTMLElement)) return;
    this.#body.ariaBusy = String(tone === "busy");
    status.dataset.tone = tone;
    find(status, ".status-text").textContent = text;
    const bar = /** @type {HTMLProgressElement} */ (find(status, "progress"));
    bar.hidden = !progress;
    if (!progress) return;
    bar.max = progress.max;
    bar.value = progress.value;
  }
}
