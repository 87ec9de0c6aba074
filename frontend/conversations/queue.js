/**
 * Messages that wait for the end of an answer, stored so that a reload loses none. Owns the value stored under its key.
 * Any tab may send a message: the ids of its generation and its message are chosen when it is queued, so a second send
 * is harmless.
 */

/** @typedef {import("../guarded-storage.js").Keeping} Keeping */
/**
 * @typedef {object} Queued
 * @property {string} id of the generation that will answer it
 * @property {string} message id of the user's message
 * @property {string} conversation
 * @property {string} content
 * @property {string | null} after last message of the branch in which it was written; null if the branch was not loaded
 *   yet
 */
/** @typedef {{queueChanged: () => void}} QueueDelegate called when another tab has changed the queue */

export const KEY = "streamui.queue.v1";

export class Queue {
  #storage;
  #window;
  #suffix;
  /** @type {Queued[]} in the order of sending */
  #items;
  /** @type {Set<string>} ids of messages that the browser did not store, so that only this tab has them */
  #unstored = new Set();
  #observer = new AbortController();

  /**
   * @param {Keeping} storage
   * @param {EventTarget} window that reports changes by other tabs
   * @param {string} [suffix] that the storage adds to its keys
   */
  constructor(storage, window, suffix = "") {
    this.#suffix = suffix;
    this.#storage = storage;
    this.#window = window;
    this.#items = readItems(storage.read(KEY));
  }

  /** @param {QueueDelegate} delegate */
  start(delegate) {
    const changed = (/** @type {Event} */ event) => this.#changed(/** @type {StorageEvent} */ (event), delegate);
    this.#window.addEventListener("storage", changed, { signal: this.#observer.signal });
  }

  stop() {
    this.#observer.abort();
  }

  /** @returns {string[]} ids of the conversations with queued messages */
  get conversations() {
    return [...new Set(this.#items.map(({ conversation }) => conversation))];
  }

  /**
   * @param {string} conversation
   * @returns {Queued[]} in the order of sending
   */
  of(conversation) {
    return this.#items.filter((item) => item.conversation === conversation);
  }

  /**
   * @param {Queued} item
   * @param {boolean} [isStored] false for a message of a temporary chat
   */
  add(item, isStored = true) {
    this.#items = [...this.#items, item];
    if (isStored) this.#write((stored) => [...stored, item]);
    if (!this.#isStored(item.id)) this.#unstored.add(item.id);
  }

  /**
   * @param {string} id
   * @returns {Queued | undefined} undefined if another tab has removed it, even before this tab is notified
   */
  find(id) {
    const isThere = this.#unstored.has(id) || this.#isStored(id);
    return isThere ? this.#items.find((each) => each.id === id) : undefined;
  }

  /** @param {string} id of a message that was sent, or is edited, or shall not be sent any more */
  remove(id) {
    this.#unstored.delete(id);
    this.#items = this.#items.filter((each) => each.id !== id);
    this.#write((stored) => stored.filter((each) => each.id !== id));
  }

  /** Read the stored queue again: news of another tab's change may be late, or lost while this tab was frozen. */
  refresh() {
    const stored = readItems(this.#storage.read(KEY));
    this.#items = [...stored, ...this.#items.filter(({ id }) => this.#unstored.has(id))];
  }

  /** @param {string} id */
  #isStored(id) {
    return readItems(this.#storage.read(KEY)).some((each) => each.id === id);
  }

  /** @param {(stored: Queued[]) => Queued[]} change function from the stored queue, which another tab may have changed, to the new one */
  #write(change) {
    this.#storage.write(KEY, change(readItems(this.#storage.read(KEY))));
  }

  /**
   * The event's own value may be older than what this tab has written since, so the stored queue is read.
   * @param {StorageEvent} event
   * @param {QueueDelegate} delegate
   */
  #changed({ key }, delegate) {
    if (key !== KEY + this.#suffix) return;
    this.refresh();
    delegate.queueChanged();
  }
}

/**
 * @param {unknown} value
 * @returns {Queued[]} valid messages of this version only
 */
function readItems(value) {
  return Array.isArray(value) ? value.filter(isQueued) : [];
}

/** @param {any} value */
function isQueued(value) {
  const { id, message, conversation, content, after } = value ?? {};
  return [id, message, conversation, content].every((each) => typeof each === "string") && (after === null || typeof after === "string");
}
