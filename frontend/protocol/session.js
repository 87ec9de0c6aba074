/**
 * The client's half of the protocol without any I/O: which generations run, up to where each has been read, and
 * what has to be sent to go on after a lost connection.
 */

import { cancel, detach, watch } from "./messages.js";
import { Tracked } from "./tracked.js";

/** @typedef {import("./messages.js").ClientMessage} ClientMessage */
/** @typedef {Exclude<import("./messages.js").ServerMessage, import("./messages.js").ServerStatus>} ServerMessage what is about a generation */
/** @typedef {import("./messages.js").Generate} Generate */
/** @typedef {import("./messages.js").ErrorMessage} ErrorMessage */

/** @typedef {{type: "rejected", id: string, error: ErrorMessage}} Rejected the server did not take the request */
/** @typedef {{type: "withdrawn", id: string}} Withdrawn cancelled before it was sent */
/** @typedef {{type: "lost", id: string}} Lost the server no longer knows this generation */
/** @typedef {import("./messages.js").GenerationMessage | Rejected | Withdrawn | Lost} GenerationEvent */
/** @typedef {GenerationEvent | import("./messages.js").ConversationChanged} SessionEvent */
/**
 * What one input leads to.
 * @typedef {object} Step
 * @property {ClientMessage[]} send to the server, in order
 * @property {SessionEvent[]} deliver to the user of the session, in order
 * @property {{message: ClientMessage, afterMs: number}[]} [later] to the server after a while
 */

/** How long to wait before asking again where the server gives no time, in milliseconds. */
const ASK_AGAIN_MS = 1000;

/** The close code for a frame over the size limit, RFC 6455 section 7.4.1. */
const TOO_BIG = 1009;
/** @type {ErrorMessage} */
const TOO_BIG_ERROR = {
  type: "error",
  code: "frame_too_large",
  message: "The message is larger than the server takes at once.",
  retryable: false,
};

/** @type {Step} */
const NOTHING = { send: [], deliver: [] };

export class Session {
  #open = false;
  #isWatching = false;
  /** @type {Map<string, Tracked>} */
  #tracked = new Map();

  /** Whether any generation has not ended yet. */
  get isBusy() {
    return this.#tracked.size > 0;
  }

  /**
   * A new connection is ready: ask again for what is not known to be taken, and go on reading the rest.
   * @returns {Step}
   */
  opened() {
    this.#open = true;
    const resumed = [...this.#tracked.values()].flatMap((tracked) => this.#resume(tracked));
    return { send: this.#isWatching ? [watch(), ...resumed] : resumed, deliver: [] };
  }

  /**
   * The connection is gone. What was too big for the server would only end the next one as well.
   * @param {number} [code] close code
   * @returns {Step}
   */
  closed(code) {
    this.#open = false;
    if (code !== TOO_BIG) return NOTHING;
    const refused = [...this.#tracked.values()].filter((tracked) => tracked.sent && !tracked.accepted);
    return { send: [], deliver: refused.flatMap((tracked) => this.#reject(tracked, TOO_BIG_ERROR).deliver) };
  }

  /**
   * Hears of every conversation that changes, over each connection from now on.
   * @returns {Step}
   */
  watch() {
    this.#isWatching = true;
    return { send: this.#open ? [watch()] : [], deliver: [] };
  }

  /**
   * @param {Generate} request
   * @param {boolean} [mayBeThere] whether an earlier page may have brought it to the server
   * @returns {Step}
   */
  begin(request, mayBeThere = false) {
    const tracked = new Tracked(request.id, request);
    tracked.sent = mayBeThere;
    return this.#track(tracked);
  }

  /**
   * Reads an answer from its beginning that was asked for elsewhere, or earlier.
   * @param {string} id
   * @returns {Step}
   */
  follow(id) {
    if (this.#tracked.has(id)) return NOTHING;
    const tracked = new Tracked(id, null);
    tracked.accepted = true;
    return this.#track(tracked);
  }

  /**
   * Delivers nothing more of it, which goes on. One that the server is not known to have taken is still asked for.
   * @param {string} id
   * @returns {Step}
   */
  detach(id) {
    if (!this.#tracked.get(id)?.accepted) return NOTHING;
    this.#tracked.delete(id);
    return { send: this.#open ? [detach(id)] : [], deliver: [] };
  }

  /**
   * @param {string} id
   * @returns {Step}
   */
  cancel(id) {
    const tracked = this.#tracked.get(id);
    if (!tracked) return NOTHING;
    if (!tracked.sent) return this.#end(tracked, { type: "withdrawn", id });
    tracked.cancelling = true;
    return { send: this.#open ? [cancel(id)] : [], deliver: [] };
  }

  /**
   * @param {ServerMessage} message
   * @returns {Step}
   */
  receive(message) {
    if (message.type === "error") return this.#receiveError(message);
    if (message.type === "conversation") return { send: [], deliver: [message] };
    const tracked = "id" in message ? this.#tracked.get(message.id) : undefined;
    if (!tracked) return NOTHING;
    switch (message.type) {
      case "accepted":
        return this.#receiveAccepted(tracked, message);
      case "status":
        return { send: [], deliver: [message] };
      case "token":
        return this.#receiveToken(tracked, message);
      case "attached":
        return this.#receiveAttached(tracked, message);
      case "snapshot":
        return this.#receiveSnapshot(tracked, message);
      case "done":
        return this.#receiveDone(tracked, message);
      default:
        return NOTHING;
    }
  }

  /**
   * @param {Tracked} tracked
   * @returns {Step}
   */
  #track(tracked) {
    this.#tracked.set(tracked.id, tracked);
    return { send: this.#open ? this.#resume(tracked) : [], deliver: [] };
  }

  /**
   * @param {Tracked} tracked
   * @param {import("./messages.js").Accepted} message
   * @returns {Step}
   */
  #receiveAccepted(tracked, message) {
    tracked.accepted = true;
    tracked.cursor.epoch = message.epoch;
    return { send: [], deliver: [message] };
  }

  /**
   * @param {Tracked} tracked
   * @param {import("./messages.js").Token} message
   * @returns {Step}
   */
  #receiveToken(tracked, message) {
    switch (tracked.cursor.read(message)) {
      case "next":
        return { send: [], deliver: [message] };
      case "gap":
        return this.#readAgain(tracked);
      default:
        return NOTHING;
    }
  }

  /**
   * @param {Tracked} tracked
   * @param {import("./messages.js").Attached} message
   * @returns {Step}
   */
  #receiveAttached(tracked, message) {
    tracked.accepted = true;
    tracked.attaching = false;
    tracked.cursor.epoch = message.epoch;
    return { send: [], deliver: [message] };
  }

  /**
   * @param {Tracked} tracked
   * @param {import("./messages.js").Snapshot} message
   * @returns {Step}
   */
  #receiveSnapshot(tracked, message) {
    tracked.attaching = false;
    tracked.cursor.epoch = message.epoch;
    tracked.cursor.seq = message.seq;
    return { send: [], deliver: [message] };
  }

  /**
   * @param {Tracked} tracked
   * @param {import("./messages.js").Done} message
   * @returns {Step}
   */
  #receiveDone(tracked, message) {
    if (!tracked.cursor.hasReachedEnd(message)) return this.#readAgain(tracked);
    return this.#end(tracked, message);
  }

  /**
   * @param {ErrorMessage} error
   * @returns {Step}
   */
  #receiveError(error) {
    const tracked = error.id === undefined ? this.#newestAskedBy(error.re) : this.#tracked.get(error.id);
    if (!tracked) return NOTHING;
    if (!tracked.accepted) return this.#reject(tracked, error);
    if (error.code === "unknown_id") return this.#end(tracked, { type: "lost", id: tracked.id });
    return error.re === "attach" ? this.#receiveAttachError(tracked, error) : NOTHING;
  }

  /**
   * @param {Tracked} tracked
   * @param {ErrorMessage} error
   * @returns {Step}
   */
  #receiveAttachError(tracked, error) {
    if (!error.retryable) return this.#end(tracked, { type: "lost", id: tracked.id });
    const afterMs = error.retry_after_ms ?? ASK_AGAIN_MS;
    return { ...NOTHING, later: [{ message: tracked.attachMessage(), afterMs }] };
  }

  /**
   * @param {Tracked} tracked
   * @returns {ClientMessage[]}
   */
  #resume(tracked) {
    tracked.sent = true;
    tracked.attaching = tracked.accepted;
    const first = tracked.accepted || !tracked.request ? tracked.attachMessage() : tracked.request;
    return tracked.cancelling ? [first, cancel(tracked.id)] : [first];
  }

  /**
   * The generation that an error without an id means.
   * @param {string} [type] of the message that the error answers
   */
  #newestAskedBy(type) {
    if (type !== "generate") return undefined;
    return [...this.#tracked.values()].findLast((tracked) => tracked.sent && !tracked.accepted);
  }

  /**
   * @param {Tracked} tracked
   * @param {ErrorMessage} error
   * @returns {Step}
   */
  #reject(tracked, error) {
    return this.#end(tracked, { type: "rejected", id: tracked.id, error });
  }

  /**
   * Pieces are missing: read on from the last one that is known. Once is enough.
   * @param {Tracked} tracked
   * @returns {Step}
   */
  #readAgain(tracked) {
    if (tracked.attaching) return NOTHING;
    tracked.attaching = true;
    return { send: [tracked.attachMessage()], deliver: [] };
  }

  /**
   * @param {Tracked} tracked
   * @param {SessionEvent} event
   * @returns {Step}
   */
  #end(tracked, event) {
    this.#tracked.delete(tracked.id);
    return { send: [], deliver: [event] };
  }
}
