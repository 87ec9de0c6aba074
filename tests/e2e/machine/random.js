/** Random numbers from a seed, so that a failure can be repeated (mulberry32). */
export class Random {
  #state;

  /** @param {number} seed */
  constructor(seed) {
    this.#state = seed >>> 0;
  }

  /** From 0 up to 1. */
  next() {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let value = this.#state;
    value = Math.imul(value ^ (value >>> 15), value | 1);
    value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  }

  /** @param {number} count @returns {number} a whole number from 0 up to `count` */
  below(count) {
    return Math.floor(this.next() * count);
  }

  /**
   * @template T
   * @param {readonly T[]} choices
   * @returns {T | undefined}
   */
  pick(choices) {
    return choices[this.below(choices.length)];
  }
}

/**
 * @param {Record<string, {weight: number}>} choices
 * @param {Random} random
 * @returns {string} one of the names, each as often as it weighs
 */
export function weighted(choices, random) {
  const entries = Object.entries(choices);
  let rest = random.next() * entries.reduce((sum, [, { weight }]) => sum + weight, 0);
  for (const [name, { weight }] of entries) {
    rest -= weight;
    if (rest < 0) return name;
  }
  return entries.at(-1)?.[0] ?? "";
}
