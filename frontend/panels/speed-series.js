/** Last samples of one figure, with their mean and peak. */

export class SpeedSeries {
  #capacity;
  /** @type {(number | null)[]} */
  #values = [];

  /** @param {number} capacity number of samples; older ones are dropped */
  constructor(capacity) {
    this.#capacity = capacity;
  }

  /** @returns {(number | null)[]} oldest first; null for a second without a measurement */
  get values() {
    return [...this.#values];
  }

  /** @returns {number | null} */
  get latest() {
    return this.#values.at(-1) ?? null;
  }

  get peak() {
    return Math.max(0, ...this.#known);
  }

  /** Mean of all samples above 0. */
  get mean() {
    const moving = this.#known.filter((value) => value > 0);
    return moving.length === 0 ? 0 : moving.reduce((sum, value) => sum + value, 0) / moving.length;
  }

  get isKnown() {
    return this.#known.length > 0;
  }

  /** @param {number | null} value */
  add(value) {
    this.#values.push(value);
    if (this.#values.length > this.#capacity) this.#values.shift();
  }

  clear() {
    this.#values = [];
  }

  get #known() {
    return this.#values.filter((value) => value !== null);
  }
}
