/**
 * The chat as this browser keeps it, for a reload and for the other tabs of the page. Owns what is stored under its
 * key. Each tab writes what it knows into what is there, so that none undoes what another has read further.
 */

import { parsed } from "./guarded-storage.js";

/** @typedef {import("./guarded-storage.js").Keeping} Keeping */
/** @typedef {import("./protocol/messages.js").Params} Params */
/** @typedef {import("./protocol/messages.js").Turn} Turn */
/** @typedef {import("./rendering/status-line.js").StatusLine} StatusLine */
/** @typedef {"retry" | "edit" | "afresh"} OfferName what the reader can do about an answer */
/** @typedef {{line: StatusLine, offers: OfferName[]}} End */
/**
 * @typedef {object} KeptExchange
 * @property {string} id of the generation
 * @property {string} prompt
 * @property {Turn[]} messages what was asked, until the server has taken it
 * @property {Params} [params] how it is to be sampled, as long
 * @property {string} epoch of the log that the text comes from; "" until the server has taken it
 * @property {number} seq up to where the log has been read
 * @property {string} text
 * @property {boolean} isStopping
 * @property {boolean} isForgotten the model is not told of it any more
 * @property {End | null} end
 */
/**
 * @typedef {object} StoredChat
 * @property {string} chat another name for each new chat
 * @property {KeptExchange[]} exchanges
 * @property {string[]} removed ids of exchanges that were taken out
 */
/** @typedef {{keptChatChanged: (stored: StoredChat, isAnother: boolean) => void}} KeptChatDelegate */

export const KEY = "streamui.chat.v1";

export class KeptChat {
  #storage;
  #window;
  #newId;
  #chat;
  /** @type {string[]} */
  #removed = [];
  #observer = new AbortController();

  /**
   * @param {Keeping} storage
   * @param {EventTarget} window that hears of changes by other tabs
   * @param {() => string} newId
   */
  constructor(storage, window, newId) {
    this.#storage = storage;
    this.#window = window;
    this.#newId = newId;
    this.#chat = newId();
  }

  /** @param {KeptChatDelegate} delegate */
  start(delegate) {
    const changed = (/** @type {Event} */ event) => this.#changed(/** @type {StorageEvent} */ (event), delegate);
    this.#window.addEventListener("storage", changed, { signal: this.#observer.signal });
  }

  stop() {
    this.#observer.abort();
  }

  /** @returns {KeptExchange[]} */
  load() {
    const stored = readChat(this.#storage.read(KEY));
    if (stored) this.#chat = stored.chat;
    return stored?.exchanges ?? [];
  }

  /**
   * Writes what this tab knows. Once another tab has begun a new chat, there is nothing to add to that.
   * @param {KeptExchange[]} exchanges
   */
  save(exchanges) {
    const stored = readChat(this.#storage.read(KEY));
    if (stored && stored.chat !== this.#chat) return;
    const mine = { chat: this.#chat, exchanges, removed: this.#removed };
    const merged = stored ? merge(stored, mine) : mine;
    if (JSON.stringify(merged) !== JSON.stringify(stored)) this.#storage.write(KEY, merged);
  }

  /**
   * Takes one out when the rest is saved next.
   * @param {string} id
   */
  remove(id) {
    this.#removed.push(id);
  }

  /** Begins a new chat. */
  clear() {
    this.#chat = this.#newId();
    this.#removed = [];
    this.#storage.write(KEY, { chat: this.#chat, exchanges: [], removed: [] });
  }

  /**
   * @param {StorageEvent} event
   * @param {KeptChatDelegate} delegate
   */
  #changed({ key, newValue }, delegate) {
    const stored = key === KEY ? readChat(parsed(newValue)) : null;
    if (!stored) return;
    const isAnother = stored.chat !== this.#chat;
    if (isAnother) this.#removed = [];
    this.#chat = stored.chat;
    delegate.keptChatChanged(stored, isAnother);
  }
}

/**
 * @param {StoredChat} stored
 * @param {StoredChat} mine
 * @returns {StoredChat}
 */
export function merge(stored, mine) {
  const removed = [...new Set([...stored.removed, ...mine.removed])];
  const exchanges = new Map(stored.exchanges.map((exchange) => [exchange.id, exchange]));
  for (const exchange of mine.exchanges) {
    const other = exchanges.get(exchange.id);
    exchanges.set(exchange.id, other ? further(other, exchange) : exchange);
  }
  return { chat: mine.chat, exchanges: [...exchanges.values()].filter(({ id }) => !removed.includes(id)), removed };
}

/**
 * @param {KeptExchange} stored
 * @param {KeptExchange} mine
 * @returns {KeptExchange}
 */
function further(stored, mine) {
  const chosen = isFurther(stored, mine) ? stored : mine;
  return {
    ...chosen,
    isStopping: stored.isStopping || mine.isStopping,
    isForgotten: stored.isForgotten || mine.isForgotten,
  };
}

/**
 * @param {KeptExchange} stored
 * @param {KeptExchange} mine
 */
function isFurther(stored, mine) {
  if ((stored.end === null) !== (mine.end === null)) return stored.end !== null;
  if (stored.epoch !== mine.epoch) return mine.epoch === "";
  return stored.seq >= mine.seq;
}

/**
 * @param {any} value
 * @returns {StoredChat | null} null for anything that this version has not written
 */
function readChat(value) {
  if (typeof value?.chat !== "string" || !Array.isArray(value.exchanges) || !Array.isArray(value.removed)) return null;
  return value.exchanges.every(isKeptExchange) ? value : null;
}

/** @param {any} value */
function isKeptExchange(value) {
  return (
    ["id", "prompt", "epoch", "text"].every((field) => typeof value?.[field] === "string") &&
    Number.isSafeInteger(value.seq) &&
    Array.isArray(value.messages) &&
    (value.end === null || (typeof value.end?.line?.text === "string" && Array.isArray(value.end.offers)))
  );
}
