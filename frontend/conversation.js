/** The exchanges of the chat, on the page and as the browser keeps them. The only one that changes their list. */

import { Exchange, newExchange } from "./exchange.js";

/** @typedef {import("./connection.js").Clock} Clock */
/** @typedef {import("./exchange.js").AnswerView} AnswerView */
/** @typedef {import("./kept-chat.js").KeptExchange} KeptExchange */
/** @typedef {import("./kept-chat.js").StoredChat} StoredChat */
/** @typedef {import("./panels/settings.js").Settings} Settings */
/** @typedef {import("./protocol/messages.js").Turn} Turn */
/**
 * @typedef {object} ConversationParts
 * @property {{add: (prompt: string) => AnswerView, clear: () => void}} transcript
 * @property {{
 *   load: () => KeptExchange[], save: (exchanges: KeptExchange[]) => void, remove: (id: string) => void, clear: () => void,
 * }} kept
 * @property {Clock} clock
 * @property {{readonly settings: Settings}} [settings] how answers are to be written
 */

/** For how long new text may be on the page alone, in milliseconds. What is not kept is read again after a reload. */
const SAVE_MS = 1000;

export class Conversation {
  #transcript;
  #kept;
  #clock;
  #settings;
  /** @type {Exchange[]} */
  #exchanges = [];
  /** @type {unknown} */
  #timer = null;

  /** @param {ConversationParts} parts */
  constructor({ transcript, kept, clock, settings }) {
    this.#transcript = transcript;
    this.#kept = kept;
    this.#clock = clock;
    this.#settings = settings;
  }

  /** Those whose end is not known: more than one where two tabs asked at the same moment. */
  get running() {
    return this.#exchanges.filter(({ hasEnded }) => !hasEnded);
  }

  get last() {
    return this.#exchanges.at(-1);
  }

  /** @returns {Turn[]} what has been said so far */
  get turns() {
    return this.#exchanges.flatMap(({ turns }) => turns);
  }

  /** @param {string} id */
  find(id) {
    return this.#exchanges.find((exchange) => exchange.id === id);
  }

  /** Shows what the browser has kept. */
  load() {
    for (const kept of this.#kept.load()) this.#add(kept, false);
  }

  /**
   * @param {string} id
   * @param {string} prompt
   * @param {boolean} isConnected
   * @returns {Exchange}
   */
  begin(id, prompt, isConnected) {
    const { system, params } = this.#settings?.settings ?? {};
    /** @type {Turn[]} */
    const messages = [...this.turns, { role: "user", content: prompt }];
    if (system) messages.unshift({ role: "system", content: system });
    const exchange = this.#add(newExchange(id, prompt, messages, params), isConnected);
    this.save();
    return exchange;
  }

  /** @param {Exchange} exchange */
  remove(exchange) {
    this.#kept.remove(exchange.id);
    this.#drop(exchange);
    this.save();
  }

  /** Begins an empty one. */
  clear() {
    this.#forgetTimer();
    this.#kept.clear();
    this.#showNothing();
  }

  /** The model is told of none of them any more. */
  forgetAll() {
    for (const exchange of this.#exchanges) exchange.forget();
    this.save();
  }

  /** Keeps how things stand. */
  save() {
    this.#forgetTimer();
    this.#kept.save(this.#exchanges.map(({ kept }) => kept));
  }

  /** Keeps it within a moment. */
  saveSoon() {
    this.#timer ??= this.#clock.setTimeout(() => this.save(), SAVE_MS);
  }

  /**
   * Takes over what another tab has kept.
   * @param {StoredChat} stored
   * @param {boolean} isAnother whether it is another chat
   * @param {boolean} isConnected
   * @returns {{ended: Exchange[], begun: Exchange[], stopped: Exchange[]}} what ran here and ends, runs from now on, is to stop
   */
  adopt(stored, isAnother, isConnected) {
    const ended = this.running.filter(({ id }) => isAnother || isGone(stored, id));
    if (isAnother) this.#showNothing();
    for (const id of stored.removed) this.#drop(this.find(id));
    const stopped = this.#adoptKnown(stored.exchanges);
    const unknown = stored.exchanges.filter(({ id }) => !this.find(id));
    const begun = unknown.map((kept) => this.#add(kept, isConnected)).filter(({ hasEnded }) => !hasEnded);
    return { ended, begun, stopped };
  }

  /** @param {KeptExchange[]} others */
  #adoptKnown(others) {
    const stopped = [];
    for (const other of others) {
      const exchange = this.find(other.id);
      if (!exchange) continue;
      if (other.isForgotten) exchange.forget();
      if (exchange.hasEnded) continue;
      if (other.end) exchange.adoptEnd(other);
      else if (other.isStopping && !exchange.isStopping) stopped.push(exchange);
    }
    return stopped;
  }

  /**
   * @param {KeptExchange} kept
   * @param {boolean} isConnected
   */
  #add(kept, isConnected) {
    this.last?.offer([]);
    const exchange = new Exchange(kept, this.#transcript.add(kept.prompt), isConnected);
    this.#exchanges.push(exchange);
    return exchange;
  }

  /** @param {Exchange | undefined} exchange */
  #drop(exchange) {
    if (!exchange) return;
    this.#exchanges = this.#exchanges.filter((other) => other !== exchange);
    exchange.remove();
    if (this.#exchanges.length === 0) this.#transcript.clear();
  }

  #showNothing() {
    this.#exchanges = [];
    this.#transcript.clear();
  }

  #forgetTimer() {
    if (this.#timer !== null) this.#clock.clearTimeout(this.#timer);
    this.#timer = null;
  }
}

/**
 * @param {StoredChat} stored
 * @param {string} id
 */
function isGone({ exchanges, removed }, id) {
  return removed.includes(id) || exchanges.some((exchange) => exchange.id === id && exchange.end !== null);
}
