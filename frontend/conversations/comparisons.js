/**
 * Comparisons of answers: which answers to a question stand side by side, and which of them the chat continues. Owns the
 * value stored under its key. The answers themselves are versions in the conversation, as after Regenerate: a page
 * without the record shows them one at a time.
 */

import { parsed } from "../guarded-storage.js";

/** @typedef {import("../guarded-storage.js").Keeping} Keeping */
/** @typedef {import("./message-tree.js").MessageTree} MessageTree */
/**
 * @typedef {object} Comparison
 * @property {string} question id of the user's message
 * @property {{id: string, label: string}[]} columns id: of the answer, and of the generation that writes it
 * @property {string} selected answer that the next question continues
 */

export const KEY = "streamui.comparisons.v1";
/** Most comparisons that are stored. The oldest are forgotten first, and their answers are versions like others. */
export const MAX_COMPARISONS = 50;
export const MAX_COLUMNS = 4;

export class Comparisons {
  #storage;
  #window;
  #suffix;
  /** @type {Map<string, Comparison>} by conversation, the oldest first */
  #records;
  #observer = new AbortController();

  /**
   * @param {Keeping} storage
   * @param {EventTarget} window that reports changes by other tabs
   * @param {string} [suffix] that the storage adds to its keys
   */
  constructor(storage, window, suffix = "") {
    this.#storage = storage;
    this.#window = window;
    this.#suffix = suffix;
    this.#records = readRecords(storage.read(KEY));
  }

  /** @param {() => void} changed called when another tab has changed a comparison */
  start(changed) {
    const receive = (/** @type {Event} */ event) => {
      const { key, newValue } = /** @type {StorageEvent} */ (event);
      if (key !== KEY + this.#suffix) return;
      this.#records = readRecords(parsed(newValue));
      changed();
    };
    this.#window.addEventListener("storage", receive, { signal: this.#observer.signal });
  }

  stop() {
    this.#observer.abort();
  }

  /** @param {string} conversation */
  of(conversation) {
    return this.#records.get(conversation);
  }

  /**
   * @param {string} conversation
   * @param {Comparison} comparison
   * @param {boolean} [isStored] false for a temporary chat
   */
  put(conversation, comparison, isStored = true) {
    const put = (/** @type {Map<string, Comparison>} */ records) => {
      records.delete(conversation);
      records.set(conversation, comparison);
    };
    if (isStored) this.#write(put);
    else put(this.#records);
  }

  /** @param {string} conversation */
  remove(conversation) {
    if (this.#records.has(conversation)) this.#write((records) => void records.delete(conversation));
  }

  /**
   * Change the records. The stored ones are read again first, so that changes by other tabs are kept.
   * @param {(records: Map<string, Comparison>) => void} change
   */
  #write(change) {
    const stored = readRecords(this.#storage.read(KEY));
    for (const records of [stored, this.#records]) change(records);
    this.#storage.write(KEY, Object.fromEntries([...stored].slice(-MAX_COMPARISONS)));
  }
}

/**
 * Check if the answers of a comparison are the ends of the shown branch and of its versions: nothing was asked below any
 * of them.
 * @param {Comparison} comparison
 * @param {{tree: MessageTree, leaf: string | null}} branch
 */
export function isAtEnd({ columns }, { tree, leaf }) {
  return columns.some(({ id }) => id === leaf) && columns.every(({ id }) => !tree.find(id) || tree.tipOf(id) === id);
}

/**
 * @param {any} value
 * @returns {Map<string, Comparison>} valid records of this version only
 */
function readRecords(value) {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return new Map();
  return new Map(Object.entries(value).filter(([, record]) => isComparison(record)));
}

/** @param {any} value */
function isComparison(value) {
  return (
    typeof value?.question === "string" &&
    typeof value.selected === "string" &&
    Array.isArray(value.columns) &&
    value.columns.length <= MAX_COLUMNS &&
    value.columns.every((/** @type {any} */ each) => typeof each?.id === "string" && typeof each.label === "string") &&
    value.columns.some((/** @type {any} */ each) => each.id === value.selected)
  );
}
