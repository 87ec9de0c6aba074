/** Link definitions of one answer. A reference becomes a link even if its definition comes later. */

import { normalLabel } from "./link-scanner.js";

/** @typedef {{href: string, title: string}} Definition */
/** Largest number of definitions and of waiting references. Later ones are ignored. */
const MOST = 2000;

export class References {
  /** @type {Map<string, Definition>} by label; the first definition of a label counts */
  #definitions = new Map();
  /** @type {Map<string, (() => void)[]>} callbacks of references to labels without a definition */
  #waiting = new Map();
  #count = 0;

  /** Number of defined labels. */
  get size() {
    return this.#definitions.size;
  }

  /**
   * @param {string} label
   * @param {Definition} definition
   */
  define(label, definition) {
    const key = normalLabel(label);
    if (this.#definitions.has(key) || this.#definitions.size >= MOST) return;
    this.#definitions.set(key, definition);
    this.#showAgain(key);
  }

  /**
   * Remove all but the first definitions, because a finished text continues inside a later one.
   * @param {number} size number to keep
   */
  rewind(size) {
    for (const key of [...this.#definitions.keys()].slice(size)) {
      this.#definitions.delete(key);
      this.#showAgain(key);
    }
  }

  /** @param {string} label */
  find(label) {
    return this.#definitions.get(normalLabel(label)) ?? null;
  }

  /**
   * @param {string} label
   * @param {() => void} again called when the label is defined
   */
  wait(label, again) {
    if (this.#count >= MOST) return;
    this.#count += 1;
    const key = normalLabel(label);
    const others = this.#waiting.get(key);
    if (others) others.push(again);
    else this.#waiting.set(key, [again]);
  }

  /** @param {string} key */
  #showAgain(key) {
    for (const again of this.#waiting.get(key) ?? []) again();
  }
}
