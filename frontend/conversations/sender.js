/**
 * Sender of the messages in the outbox: creates the conversation if the server has none, then sends the message. A
 * refusal that another tab or device may have caused is examined before it is reported.
 */

import { ApiError } from "./api-error.js";
import { messageOf } from "./forks.js";
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
 * @property {{generate: (request: ReturnType<typeof messageOf>, mayBeThere?: boolean) => void, cancel: (id: string) => void}} connection
 * @property {Clock} clock
 */
/**
 * @typedef {object} SenderDelegate
 * @property {(parcel: Parcel) => void} senderFailed the message now waits for the user, or was dropped if it has no
 *   text
 * @property {(conversation: string) => void} senderLearned the server's conversation differs from the page's
 */

/** Delay before another attempt to create or read a conversation if the server can't be reached, in milliseconds. */
const AGAIN_MS = 3000;
const UNAUTHORIZED = 401;
const NOT_FOUND = 404;
/** Codes of refusals that a change by another tab or device may have caused. */
const EXAMINED = ["unknown_id", "id_conflict", "unexpected_message"];

export class Sender {
  #parts;
  /** @type {SenderDelegate | null} */
  #delegate = null;
  #isConnected = false;
  /** @type {Set<string>} generations whose conversation is being created or read */
  #preparing = new Set();
  /** @type {Map<string, Generate>} requests that the connection is sending, by generation */
  #sending = new Map();
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
    if (this.#isConnected) this.#deliver(parcel, false);
  }

  /** @param {boolean} mayBeThere whether another page may have sent these messages already */
  sendAll(mayBeThere) {
    this.#clearTimer();
    this.#withdrawStopped();
    if (!this.#isConnected) return;
    for (const parcel of this.#parts.outbox.parcels) {
      const { id } = parcel.request;
      if (!parcel.failure && !this.#sending.has(id) && !this.#preparing.has(id)) this.#deliver(parcel, mayBeThere);
    }
  }

  /**
   * Stop an answer, or withdraw a message that has not been sent.
   * @param {string} id of the generation
   */
  cancel(id) {
    const parcel = this.#parts.outbox.find(id);
    if (parcel && !this.#sending.has(id)) this.#fail(parcel, WITHDRAWN);
    else this.#parts.connection.cancel(id);
  }

  /**
   * Handle the server's acceptance of a message.
   * @param {string} id of the generation
   */
  onAccepted(id) {
    this.#sending.delete(id);
  }

  /**
   * Handle the server's refusal of a message.
   * @param {string} id of the generation
   * @param {Refusal} failure
   */
  refused(id, failure) {
    const parcel = this.#parts.outbox.find(id);
    const carried = this.#sending.get(id);
    this.#sending.delete(id);
    if (!parcel || parcel.failure) return;
    // Another tab has examined the same refusal before, and has moved the question.
    if (this.#isHeld(parcel)) return; // It is sent again after the question that it answers.
    const isMoved = carried !== undefined && carried.parent !== parcel.request.parent;
    if (isMoved && failure.code === "unknown_id") return void this.#deliver(parcel, true);
    if (!parcel.plain && EXAMINED.includes(failure.code)) this.#examine(parcel, failure);
    else this.#fail(parcel, failure);
  }

  /**
   * @param {Parcel} parcel
   * @param {boolean} mayBeThere
   */
  async #deliver(parcel, mayBeThere) {
    const { id } = parcel.request;
    if (this.#isHeld(parcel)) return;
    if (parcel.create && !(await this.#prepare(parcel, () => this.#create(parcel)))) return;
    if (!this.#isWaiting(id) || this.#sending.has(id)) return;
    this.#sending.set(id, parcel.request);
    this.#parts.connection.generate(messageOf(parcel), mayBeThere);
    for (const held of this.#answersTo(parcel)) if (!this.#sending.has(held.request.id)) this.#deliver(held, mayBeThere);
  }

  /**
   * Find the other answers to a question that a parcel brings.
   * @param {Parcel} parcel
   */
  #answersTo({ request: { conversation, message_id: question } }) {
    const isAnswer = (/** @type {Parcel} */ { request, failure }) => !failure && request.conversation === conversation && request.parent === question;
    return question === undefined ? [] : this.#parts.outbox.parcels.filter(isAnswer);
  }

  /**
   * Check if a parcel is another answer to a question that is still to be sent.
   * @param {Parcel} parcel
   */
  #isHeld({ request: { conversation, parent } }) {
    if (parent === null) return false;
    const brought = this.#parts.outbox.of(conversation).find(({ request, failure }) => !failure && request.message_id === parent);
    return brought !== undefined && !this.#sending.has(brought.request.id);
  }

  /**
   * Make an HTTP request that a parcel needs before it can be sent.
   * @param {Parcel} parcel
   * @param {() => Promise<boolean>} act
   * @returns {Promise<boolean>} result of `act`; false if it failed
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
   * Create the conversation, or restore it: only this page knows one that was deleted while it was empty. If an earlier
   * attempt created it and it has no messages yet, it gets the present settings.
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
   * Find out why the server doesn't know an id: the conversation or the message above was deleted elsewhere, or another
   * tab has sent the parcel.
   * @param {Parcel} parcel
   * @param {Refusal} failure
   */
  async #examine(parcel, failure) {
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
   * Report a failed parcel. One without text is not kept: the user can ask again at its message.
   * @param {Parcel} parcel
   * @param {Refusal} failure
   */
  #fail(parcel, failure) {
    const failed = { ...parcel, failure };
    const isWritten = parcel.request.content !== undefined || parcel.request.results !== undefined;
    const isKept = isWritten || (failure.code !== WITHDRAWN.code && failure.code !== CONVERSATION_DELETED.code);
    for (const held of this.#answersTo(parcel)) this.#withdraw(held);
    this.#parts.outbox.put(failed); // Otherwise other tabs would treat the removed parcel as arrived.
    if (!isKept) this.#parts.outbox.remove(parcel.request.id);
    this.#delegate?.senderFailed(failed);
  }

  /**
   * Drop another answer to a question that was not sent. Nothing is reported: the question has its failure.
   * @param {Parcel} parcel
   */
  #withdraw(parcel) {
    const { id } = parcel.request;
    this.#parts.outbox.put({ ...parcel, failure: WITHDRAWN });
    this.#parts.outbox.remove(id);
    if (this.#sending.delete(id)) this.#parts.connection.cancel(id);
  }

  /** @param {Parcel} parcel */
  #forget({ request }) {
    this.#parts.outbox.remove(request.id);
    this.#delegate?.senderLearned(request.conversation);
  }

  /** Withdraw messages on the connection that another tab has stopped. */
  #withdrawStopped() {
    for (const id of this.#sending.keys()) {
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
 * Check if any message on the branch down to this one is still being written.
 * @param {Message[]} messages
 * @param {string | null} leaf
 */
function isBeingWritten(messages, leaf) {
  return new MessageTree(messages).pathTo(leaf).some(({ state }) => state === "writing");
}
