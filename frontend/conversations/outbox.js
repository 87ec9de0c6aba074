/**
 * Messages that were sent but are not known to have arrived, stored so that neither a reload nor a network failure
 * loses them. Owns the value stored under its key. Any parcel may be sent twice, also by two tabs, since its ids are
 * the sender's own.
 */

import { parsed } from "../guarded-storage.js";

/** @typedef {import("../guarded-storage.js").Keeping} Keeping */
/** @typedef {import("../protocol/messages.js").Failure} Failure */
/** @typedef {import("../protocol/messages.js").Generate} Generate */
/** @typedef {import("./api.js").Settings} Settings */
/** @typedef {import("./refusals.js").Asked} Asked */
/**
 * @typedef {object} Parcel
 * @property {Generate} request
 * @property {import("../protocol/messages.js").PlainGenerate | import("../protocol/messages.js").ForkGenerate} [plain] request of a temporary chat, sent in place of
 *   `request`; such a parcel is not stored
 * @property {Settings | null} create settings of the conversation, if it may have to be created first
 * @property {number} at time of sending, in milliseconds since 1970
 * @property {Failure & {retryable?: boolean} | null} failure reason of the refusal; the parcel then waits for the user
 * @property {string[]} [above] ids of the messages above it when it was written, the nearest first
 * @property {string} [edited] message that this is another version of
 * @property {Asked} [asked] state that its refusal may depend on
 */
/** @typedef {{outboxChanged: () => void}} OutboxDelegate called when another tab has sent a message, or a message of it has arrived */

export const KEY = "streamui.outbox.v1";

export class Outbox {
  #storage;
  #window;
  #suffix;
  /** @type {Map<string, Parcel>} by the id of the generation */
  #parcels;
  #observer = new AbortController();

  /**
   * @param {Keeping} storage
   * @param {EventTarget} window that reports changes by other tabs
   * @param {string} [suffix] that the storage adds to its keys
   */
  constructor(storage, window, suffix = "") {
    this.#storage = storage;
    this.#suffix = suffix;
    this.#window = window;
    this.#parcels = readParcels(storage.read(KEY));
  }

  /** @param {OutboxDelegate} delegate */
  start(delegate) {
    const changed = (/** @type {Event} */ event) => this.#changed(/** @type {StorageEvent} */ (event), delegate);
    this.#window.addEventListener("storage", changed, { signal: this.#observer.signal });
  }

  stop() {
    this.#observer.abort();
  }

  get parcels() {
    return [...this.#parcels.values()];
  }

  /** @param {string} id of the generation */
  find(id) {
    return this.#parcels.get(id);
  }

  /**
   * @param {string} conversation
   * @returns {Parcel[]}
   */
  of(conversation) {
    return this.parcels.filter(({ request }) => request.conversation === conversation);
  }

  /** @param {Parcel} parcel a new one, or a changed one */
  put(parcel) {
    const { id } = parcel.request;
    this.#parcels.set(id, parcel);
    if (!parcel.plain) this.#write((stored) => stored.set(id, parcel));
  }

  /**
   * Remove a message that has arrived or shall not be sent any more.
   * @param {string} id of the generation
   */
  remove(id) {
    this.#parcels.delete(id);
    this.#write((stored) => stored.delete(id));
  }

  /**
   * Change the stored parcels. They are read again first, so that changes by other tabs are kept.
   * @param {(stored: Map<string, Parcel>) => void} change
   */
  #write(change) {
    const stored = readParcels(this.#storage.read(KEY));
    change(stored);
    this.#storage.write(KEY, Object.fromEntries(stored));
  }

  /**
   * @param {StorageEvent} event
   * @param {OutboxDelegate} delegate
   */
  #changed({ key, oldValue, newValue }, delegate) {
    if (key !== KEY + this.#suffix) return;
    const [before, now] = [readParcels(parsed(oldValue)), readParcels(parsed(newValue))];
    for (const id of before.keys()) if (!now.has(id)) this.#parcels.delete(id);
    for (const [id, parcel] of now) this.#parcels.set(id, parcel);
    delegate.outboxChanged();
  }
}

/**
 * @param {any} value
 * @returns {Map<string, Parcel>} valid parcels of this version only
 */
function readParcels(value) {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return new Map();
  return new Map(Object.entries(value).filter(([id, parcel]) => isParcel(id, parcel)));
}

/**
 * @param {string} id
 * @param {any} value
 */
function isParcel(id, value) {
  const request = value?.request;
  return (
    request?.type === "generate" &&
    request.id === id &&
    typeof request.conversation === "string" &&
    (request.parent === null || typeof request.parent === "string") &&
    (request.content === undefined || typeof request.content === "string") &&
    (request.results === undefined || (Array.isArray(request.results) && request.results.every(isResult))) &&
    (request.from === undefined || isPlace(request.from)) &&
    (value.above === undefined || (Array.isArray(value.above) && value.above.every((/** @type {unknown} */ each) => typeof each === "string"))) &&
    (value.failure === null || typeof value.failure?.message === "string")
  );
}

/** @param {any} value */
function isResult(value) {
  return typeof value?.tool_call_id === "string" && typeof value.content === "string";
}

/** @param {any} value */
function isPlace(value) {
  return typeof value?.id === "string" && Number.isInteger(value.seq) && (value.text === undefined || typeof value.text === "string");
}
