/**
 * Sends what is in the outbox to the server: first the conversation where the server has none, then the question. A
 * refusal that may have to do with what happened elsewhere is looked into before it is reported.
 */

import { ApiError } from "./api.js";
import { MessageTree } from "./message-tree.js";
import { placeOf } from "./overlay.js";
import { CONVERSATION_DELETED, WITHDRAWN, settingsKey } from "./refusals.js";

/** @typedef {import("../connection.js").Clock} Clock */
/** @typedef {import("../protocol/messages.js").Generate} Generate */
/** @typedef {import("./api.js").ConversationDocument} ConversationDocument */
/** @typedef {import("./api.js").Message} Message */
/** @typedef {import("./api.js").Settings} Settings */
/** @typedef {import("./outbox.js").Outbox} Outbox */
/** @typedef {import("./outbox.js").Parcel} Parcel */
/** @typedef {NonNullable<Parcel["failure"]>} Refusal */
/**
 * @typedef {object} SenderParts
 * @property {{
 *   create: (id: string, settings: Settings) => Promise<ConversationDocument>, read: (id: string) => Promise<ConversationDocument>,
 *   change: (id: string, change: {settings: Settings}) => Promise<unknown>, restore: (id: string) => Promise<unknown>,
 * }} api
 * @property {Outbox} outbox
 * @property {{generate: (request: Generate, mayBeThere?: boolean) => void, cancel: (id: string) => void}} connection
 * @property {Clock} clock
 */
/**
 * @typedef {object} SenderDelegate
 * @property {(parcel: Parcel) => void} senderFailed it waits for the reader now, or is gone where it holds no text
 * @property {(conversation: string) => void} senderLearned the server's conversation is another one than was known
 */

/** When to try again where the server can't be reached to make or read a conversation, in milliseconds. */
const AGAIN_MS = 3000;
const UNAUTHORIZED = 401;
const NOT_FOUND = 404;
/** Refusals that may come from a change by another tab or device. */
const LOOKED_INTO = ["unknown_id", "id_conflict", "unexpected_message"];

export class Sender {
  #parts;
  /** @type {SenderDelegate | null} */
  #delegate = null;
  #isConnected = false;
  /** @type {Set<string>} generations for which a conversation is being made or read */
  #preparing = new Set();
  /** @type {Map<string, Generate>} by generation, what the connection carries */
  #carried = new Map();
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
    this.#withdrawStopped();
    if (!this.#isConnected) return;
    for (const parcel of this.#parts.outbox.parcels) {
      const { id } = parcel.request;
      if (!parcel.failure && !this.#carried.has(id) && !this.#preparing.has(id)) this.#bring(parcel, mayBeThere);
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
   * @param {Refusal} failure
   */
  refused(id, failure) {
    const parcel = this.#parts.outbox.find(id);
    const carried = this.#carried.get(id);
    this.#carried.delete(id);
    if (!parcel || parcel.failure) return;
    // Another tab has looked into the same refusal before, and has moved the question.
    const isMoved = carried !== undefined && carried.parent !== parcel.request.parent;
    if (isMoved && failure.code === "unknown_id") return void this.#bring(parcel, true);
    if (LOOKED_INTO.includes(failure.code)) this.#lookInto(parcel, failure);
    else this.#fail(parcel, failure);
  }

  /**
   * @param {Parcel} parcel
   * @param {boolean} mayBeThere
   */
  async #bring(parcel, mayBeThere) {
    const { id } = parcel.request;
    if (parcel.create && !(await this.#prepare(parcel, () => this.#create(parcel)))) return;
    if (!this.#isWaiting(id) || this.#carried.has(id)) return;
    this.#carried.set(id, parcel.request);
    this.#parts.connection.generate(parcel.request, mayBeThere);
  }

  /**
   * Does something over HTTP that a parcel needs.
   * @param {Parcel} parcel
   * @param {() => Promise<boolean>} act
   * @returns {Promise<boolean>} what `act` brings; false where it failed
   */
  async #prepare(parcel, act) {
    const { id } = parcel.request;
    this.#preparing.add(id);
    try {
      return await act();
    } catch (error) {
      this.#notPrepared(parcel, error instanceof ApiError ? error : new ApiError(String(error)));
      return false;
    } finally {
      this.#preparing.delete(id);
    }
  }

  /**
   * Creates the conversation, or restores it: one that was deleted while it was empty is known to this page alone.
   * Where an earlier attempt has made it and nothing was said in it, the present settings count.
   * @param {Parcel} parcel
   */
  async #create({ request: { conversation }, create }) {
    const settings = create ?? {};
    const { api } = this.#parts;
    const { messages, settings: kept } = await api.create(conversation, settings).catch(async (error) => {
      if (!(error instanceof ApiError) || error.code !== "id_conflict") throw error;
      await api.restore(conversation);
      return await api.create(conversation, settings);
    });
    if (messages.length === 0 && settingsKey(kept) !== settingsKey(settings)) await api.change(conversation, { settings });
    return true;
  }

  /**
   * Finds out why the server doesn't know something: the conversation or the message above was deleted elsewhere, or
   * another tab has brought the parcel.
   * @param {Parcel} parcel
   * @param {Refusal} failure
   */
  async #lookInto(parcel, failure) {
    const { id, conversation } = parcel.request;
    /** @type {ConversationDocument | null} */
    let document = null;
    const isRead = await this.#prepare(parcel, async () => {
      document = await this.#parts.api.read(conversation);
      return true;
    });
    this.#delegate?.senderLearned(conversation);
    if (isRead && document && this.#isWaiting(id)) this.#settle(parcel, document, failure);
  }

  /**
   * @param {Parcel} parcel
   * @param {ConversationDocument} document
   * @param {Refusal} failure
   */
  #settle(parcel, document, failure) {
    const { request } = parcel;
    const { messages } = document;
    if (messages.some(({ generation }) => generation === request.id)) return this.#forget(parcel);
    const isThere = request.parent === null || messages.some(({ id }) => id === request.parent);
    if (failure.code === "unexpected_message" && !isBeingWritten(messages, request.parent)) return this.send(parcel);
    if (failure.code !== "unknown_id" || isThere) return this.#fail(parcel, failure);
    if (request.content === undefined) return this.#forget(parcel);
    this.send({ ...parcel, request: { ...request, parent: placeOf(parcel, document) } });
  }

  /**
   * @param {Parcel} parcel
   * @param {ApiError} error
   */
  #notPrepared(parcel, error) {
    const { id } = parcel.request;
    if (!this.#isWaiting(id) || error.status === UNAUTHORIZED) return;
    if (error.isOffline) this.#timer ??= this.#parts.clock.setTimeout(() => this.sendAll(true), AGAIN_MS);
    else if (error.status === NOT_FOUND || error.code === "id_conflict") this.#fail(parcel, CONVERSATION_DELETED);
    else this.#fail(parcel, { code: error.code, message: error.message, retryable: error.isTemporary });
  }

  /**
   * What holds no text is not kept: it can be asked for again where it was.
   * @param {Parcel} parcel
   * @param {Refusal} failure
   */
  #fail(parcel, failure) {
    const failed = { ...parcel, failure };
    const isKept = parcel.request.content !== undefined || (failure.code !== WITHDRAWN.code && failure.code !== CONVERSATION_DELETED.code);
    this.#parts.outbox.put(failed); // So that other tabs don't take what is removed for what has arrived.
    if (!isKept) this.#parts.outbox.remove(parcel.request.id);
    this.#delegate?.senderFailed(failed);
  }

  /** @param {Parcel} parcel */
  #forget({ request }) {
    this.#parts.outbox.remove(request.id);
    this.#delegate?.senderLearned(request.conversation);
  }

  /** Another tab has stopped what this one carries as well. */
  #withdrawStopped() {
    for (const id of this.#carried.keys()) {
      if (this.#parts.outbox.find(id)?.failure?.code === WITHDRAWN.code) this.#parts.connection.cancel(id);
    }
  }

  /** @param {string} id of the generation */
  #isWaiting(id) {
    const parcel = this.#parts.outbox.find(id);
    return parcel !== undefined && parcel.failure === null;
  }

  #clearTimer() {
    if (this.#timer !== null) this.#parts.clock.clearTimeout(this.#timer);
    this.#timer = null;
  }
}

/**
 * Whether a message on the branch down to this one is still being written.
 * @param {Message[]} messages
 * @param {string | null} leaf
 */
function isBeingWritten(messages, leaf) {
  return new MessageTree(messages).pathTo(leaf).some(({ state }) => state === "writing");
}
