/** Small plot of tokens per second over the last minute. The panel also describes it in words. */

import { createSvg } from "../ui/elements.js";

/** @typedef {import("./speed-series.js").SpeedSeries} SpeedSeries */

const WIDTH = 320;
const HEIGHT = 96;
/** Margin above the highest point, in the plot's units. */
const TOP = 6;

export class SpeedPlot {
  #samples;
  #lines;

  /**
   * @param {number} samples number of samples from left to right
   * @param {string[]} names of the lines, as in their CSS classes
   */
  constructor(samples, names) {
    this.#samples = samples;
    this.#lines = names.map((name) => createSvg("path", { class: `plot-line plot-${name}` }));
    const grid = [0.25, 0.5, 0.75, 1].map((part) => {
      return createSvg("path", { class: "plot-grid", d: `M0 ${yOf(part, 1)}H${WIDTH}` });
    });
    this.element = createSvg(
      "svg",
      { class: "plot", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": "Nothing measured yet" },
      ...grid,
      ...this.#lines,
    );
  }

  /**
   * @param {SpeedSeries[]} series one for each name
   * @param {string} words description for screen readers
   * @returns {number} value at the upper edge
   */
  show(series, words) {
    const top = roundTop(Math.max(...series.map(({ peak }) => peak)));
    for (const [index, line] of this.#lines.entries()) {
      line.setAttribute("d", linePath(series[index]?.values ?? [], this.#samples, top));
    }
    this.element.setAttribute("aria-label", words);
    return top;
  }
}

/**
 * @param {(number | null)[]} values oldest first
 * @param {number} samples from left to right; the newest is at the right
 * @param {number} top value at the upper edge
 * @returns {string} path data
 */
export function linePath(values, samples, top) {
  const step = WIDTH / Math.max(1, samples - 1);
  const left = WIDTH - (values.length - 1) * step;
  let isDrawing = false;
  return values.reduce((/** @type {string} */ path, value, index) => {
    const command = isDrawing ? "L" : "M";
    isDrawing = value !== null;
    return value === null ? path : `${path}${command}${(left + index * step).toFixed(1)} ${yOf(value, top).toFixed(1)}`;
  }, "");
}

/**
 * @param {number} peak
 * @returns {number} 1, 2 or 5 times a power of ten, and no less than the peak
 */
export function roundTop(peak) {
  if (peak <= 10) return 10;
  const power = 10 ** Math.floor(Math.log10(peak));
  return ([1, 2, 5, 10].find((factor) => factor * power >= peak) ?? 10) * power;
}

/**
 * @param {number} value
 * @param {number} top
 */
function yOf(value, top) {
  return HEIGHT - 1 - (value / top) * (HEIGHT - TOP);
}
