/** Brings what is in the outbox to the server: first the conversation where there is none yet, then the question. */

import { ApiError } from "./api.js";

/** @typedef {import("../connection.js").Clock} Clock */
/** @typedef {import("../protocol/messages.js").Generate} Generate */
/** @typedef {import("../protocol/messages.js").Failure} Failure */
/** @typedef {import("./api.js").Settings} Settings */
/** @typedef {import("./outbox.js").Outbox} Outbox */
/** @typedef {import("./outbox.js").Parcel} Parcel */
/**
 * @typedef {object} SenderParts
 * @property {{create: (id: string, settings: Settings) => Promise<unknown>}} api
 * @property {Outbox} outbox
 * @property {{generate: (request: Generate, mayBeThere?: boolean) => void, cancel: (id: string) => void}} connection
 * @property {Clock} clock
 */
/** @typedef {{senderFailed: (parcel: Parcel) => void}} SenderDelegate */

/** When to try again where the server could be reached but did not take a new conversation, in milliseconds. */
const AGAIN_MS = 3000;
export const WITHDRAWN = { code: "withdrawn", message: "Stopped before it was sent" };

export class Sender {
  #parts;
  /** @type {SenderDelegate | null} */
  #delegate = null;
  #isConnected = false;
  /** @type {Set<string>} generations whose conversation is being made */
  #creating = new Set();
  /** @type {Set<string>} generations that the connection carries */
  #carried = new Set();
  /** @type {unknown} */
  #timer = null;

  /** @param {SenderParts} parts */
  constructor(parts) {
    this.#parts = parts;
  }

  /** @param {SenderDelegate} delegate */
  start(delegate) {
    this.#delegate = delegate;
  }

  stop() {
    this.#clearTimer();
  }

  /** @param {boolean} isConnected */
  connectionChanged(isConnected) {
    this.#isConnected = isConnected;
    if (isConnected) this.sendAll(true);
  }

  /** @param {Parcel} parcel */
  send(parcel) {
    this.#parts.outbox.put(parcel);
    if (this.#isConnected) this.#bring(parcel, false);
  }

  /**
   * @param {boolean} mayBeThere whether what is not carried yet may have been brought by another page
   */
  sendAll(mayBeThere) {
    this.#clearTimer();
    if (!this.#isConnected) return;
    for (const parcel of this.#parts.outbox.parcels) {
      const { id } = parcel.request;
      if (!parcel.failure && !this.#carried.has(id) && !this.#creating.has(id)) this.#bring(parcel, mayBeThere);
    }
  }

  /**
   * Stops an answer, or takes back what has not been sent.
   * @param {string} id of the generation
   */
  cancel(id) {
    const parcel = this.#parts.outbox.find(id);
    if (parcel && !this.#carried.has(id)) this.#fail(parcel, WITHDRAWN);
    else this.#parts.connection.cancel(id);
  }

  /** The server has it. @param {string} id of the generation */
  taken(id) {
    this.#carried.delete(id);
  }

  /**
   * The server does not take it.
   * @param {string} id of the generation
   * @param {Parcel["failure"]} failure
   */
  refused(id, failure) {
    const parcel = this.#parts.outbox.find(id);
    this.#carried.delete(id);
    if (parcel) this.#fail(parcel, failure);
  }

  /**
   * @param {Parcel} parcel
   * @param {boolean} mayBeThere
   */
  async #bring(parcel, mayBeThere) {
    const { id } = parcel.request;
    if (parcel.create && !(await this.#create(parcel, parcel.create))) return;
    if (!this.#parts.outbox.find(id) || this.#parts.outbox.find(id)?.failure) return;
    this.#carried.add(id);
    this.#parts.connection.generate(parcel.request, mayBeThere);
  }

  /**
   * @param {Parcel} parcel
   * @param {Settings} settings
   * @returns {Promise<boolean>} whether the conversation is there now
   */
  async #create(parcel, settings) {
    const { id, conversation } = parcel.request;
    this.#creating.add(id);
    try {
      await this.#parts.api.create(conversation, settings);
      return true;
    } catch (error) {
      this.#notCreated(parcel, error instanceof ApiError ? error : new ApiError(String(error)));
      return false;
    } finally {
      this.#creating.delete(id);
    }
  }

  /**
   * @param {Parcel} parcel
   * @param {ApiError} error
   */
  #notCreated(parcel, error) {
    if (error.isOffline) this.#timer ??= this.#parts.clock.setTimeout(() => this.sendAll(true), AGAIN_MS);
    else this.#fail(parcel, { code: error.code, message: error.message, retryable: error.isTemporary });
  }

  /**
   * @param {Parcel} parcel
   * @param {Parcel["failure"]} failure
   */
  #fail(parcel, failure) {
    const failed = { ...parcel, failure };
    this.#parts.outbox.put(failed);
    this.#delegate?.senderFailed(failed);
  }

  #clearTimer() {
    if (this.#timer !== null) this.#parts.clock.clearTimeout(this.#timer);
    this.#timer = null;
  }
}
