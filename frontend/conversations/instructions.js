/**
 * Instructions that were sent but are not known to be in a log, stored so that neither a reload nor another open chat
 * loses them. Owns the value stored under its key. Any instruction may be sent twice, also by two tabs, because of its
 * key (PROTOCOL 4.9).
 */

/** @typedef {import("../guarded-storage.js").Keeping} Keeping */
/**
 * @typedef {object} Instruction
 * @property {string} key
 * @property {string} generation
 * @property {string} conversation
 * @property {string} content
 */

export const KEY = "streamui.instructions.v1";
/** Number of instructions that are stored, the newest ones. Those of a deleted conversation are never taken. */
const MOST = 50;

export class Instructions {
  #storage;
  /** @type {Instruction[]} in the order in which they were sent */
  #items;
  /** @type {Set<string>} keys of instructions that the browser did not store, so that only this tab has them */
  #unstored = new Set();

  /** @param {Keeping} storage */
  constructor(storage) {
    this.#storage = storage;
    this.#items = this.#stored();
  }

  /** @param {string} generation */
  of(generation) {
    return this.#items.filter((each) => each.generation === generation);
  }

  /** @param {string} conversation */
  in(conversation) {
    return this.#items.filter((each) => each.conversation === conversation);
  }

  /**
   * @param {Instruction} instruction
   * @param {boolean} [isStored] false for one of a temporary chat
   */
  add(instruction, isStored = true) {
    this.#items.push(instruction);
    if (isStored) this.#storage.write(KEY, [...this.#stored(), instruction].slice(-MOST));
    if (!this.#stored().some(({ key }) => key === instruction.key)) this.#unstored.add(instruction.key);
  }

  /**
   * Remove an instruction whose end is known.
   * @param {string} key
   * @returns {boolean} false if another tab has taken it
   */
  take(key) {
    const stored = this.#stored();
    const others = stored.filter((each) => each.key !== key);
    const isThere = this.#unstored.delete(key) || others.length < stored.length;
    this.#items = this.#items.filter((each) => each.key !== key);
    if (others.length < stored.length) this.#storage.write(KEY, others);
    return isThere;
  }

  /** @returns {Instruction[]} valid ones of this version only */
  #stored() {
    const value = this.#storage.read(KEY);
    return Array.isArray(value) ? value.filter(isInstruction) : [];
  }
}

/** @param {any} value */
function isInstruction(value) {
  return ["key", "generation", "conversation", "content"].every((name) => typeof value?.[name] === "string");
}
