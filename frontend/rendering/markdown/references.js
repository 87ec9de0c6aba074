/** The link definitions of one answer. They may come later than the references to them, which then become links. */

import { normalLabel } from "./link-scanner.js";

/** @typedef {{href: string, title: string}} Definition */
/** How many definitions and references without one are remembered. */
const MOST = 2000;

export class References {
  /** @type {Map<string, Definition>} the first one of each label */
  #definitions = new Map();
  /** @type {Map<string, (() => void)[]>} who refers to a label that was not defined by then */
  #waiting = new Map();
  #count = 0;

  /** How many labels are defined. */
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

  /** Forgets all definitions but the first ones: a text that was finished in a definition goes on. @param {number} size */
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
   * @param {() => void} again called when it is defined
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
