/**
 * Client's half of the protocol, without I/O: tracks the running generations and their cursors, and computes the
 * messages to send after a lost connection.
 */

import { refusal, tooLate } from "./changes.js";
import { cancel, detach, steer, tune, watch } from "./messages.js";
import { LOST_ERROR, TOO_BIG_ERROR, UNREADABLE_ERROR } from "./session-errors.js";
import { Tracked } from "./tracked.js";

/** @typedef {import("./messages.js").ClientMessage} ClientMessage */
/** @typedef {Exclude<import("./messages.js").ServerMessage, import("./messages.js").ServerStatus | import("./messages.js").Alternatives>} ServerMessage every message except the answers to questions of the connection */
/** @typedef {import("./messages.js").Generate} Generate */
/** @typedef {import("./messages.js").PlainGenerate} PlainGenerate */
/** @typedef {import("./messages.js").ForkGenerate} ForkGenerate */
/** @typedef {import("./messages.js").ErrorMessage} ErrorMessage */

/** @typedef {{type: "rejected", id: string, error: ErrorMessage}} Rejected the server refused the request */
/** @typedef {{type: "withdrawn", id: string}} Withdrawn cancelled before it was sent */
/** @typedef {{type: "lost", id: string}} Lost the server no longer knows this generation */
/** @typedef {import("./changes.js").Unsteered | import("./changes.js").Untuned} Unchanged the server refused a change */
/** @typedef {import("./messages.js").GenerationMessage | Rejected | Withdrawn | Lost | Unchanged} GenerationEvent */
/** @typedef {GenerationEvent | import("./messages.js").ConversationChanged | import("./messages.js").ModelChanged} SessionEvent */
/**
 * Result of one input.
 * @typedef {object} Step
 * @property {ClientMessage[]} send to the server, in order
 * @property {SessionEvent[]} deliver to the user of the session, in order
 * @property {{message: ClientMessage, afterMs: number}[]} [later] messages to send to the server after a delay
 */

/** Delay before asking again if the server names none, in milliseconds. */
const ASK_AGAIN_MS = 1000;

/** Close codes for a frame over the size limit, and for three unreadable frames (PROTOCOL 9). */
const TOO_BIG = 1009;
const BAD_FRAMES = 4400;
/**
 * Number of connections that may end without an answer to a request. Then the request is dropped, since it may be what
 * ends them.
 */
const MAX_LOSSES = 5;
/** @type {Step} */
const NOTHING = { send: [], deliver: [] };

export class Session {
  #open = false;
  #isWatching = false;
  /** True if the server refused a whole frame of this connection. */
  #hasRefusedFrame = false;
  /** @type {Map<string, Tracked>} */
  #tracked = new Map();

  /** True if any generation has not ended yet. */
  get isBusy() {
    return this.#tracked.size > 0;
  }

  /**
   * Start on a new connection: send unanswered requests again, and resume all other generations.
   * @returns {Step}
   */
  opened() {
    this.#open = true;
    this.#hasRefusedFrame = false;
    const resumed = [...this.#tracked.values()].flatMap((tracked) => this.#resume(tracked));
    return { send: this.#isWatching ? [watch(), ...resumed] : resumed, deliver: [] };
  }

  /**
   * Handle the end of the connection. A request that caused it would end the next connection as well, so it is
   * rejected.
   * @param {number} [code] close code
   * @returns {Step}
   */
  closed(code) {
    this.#open = false;
    const asked = this.#unanswered();
    for (const tracked of asked) this.#lose(tracked);
    const deliver = this.#refusedWith(code, asked);
    const lost = asked.filter(({ id, losses }) => losses >= MAX_LOSSES && this.#tracked.has(id));
    return { send: [], deliver: [...deliver, ...lost.flatMap((tracked) => this.#reject(tracked, LOST_ERROR).deliver)] };
  }

  /** True if the last connection ended because of a request that is rejected by now: then the next one may last. */
  get hasRefusedFrame() {
    return this.#hasRefusedFrame;
  }

  /**
   * Handle a frame that its transport reports as refused.
   * @param {string} id of the generation that the frame requested
   * @param {ErrorMessage} error
   * @returns {Step}
   */
  refused(id, error) {
    const tracked = this.#tracked.get(id);
    return tracked && !tracked.accepted ? this.#reject(tracked, error) : NOTHING;
  }

  /**
   * Ask for every changed conversation, on this connection and all later ones.
   * @returns {Step}
   */
  watch() {
    this.#isWatching = true;
    return { send: this.#open ? [watch()] : [], deliver: [] };
  }

  /**
   * @param {Generate | PlainGenerate | ForkGenerate} request
   * @param {boolean} [mayBeThere] whether an earlier page may have sent it to the server
   * @returns {Step}
   */
  begin(request, mayBeThere = false) {
    const tracked = new Tracked(request.id, request);
    tracked.sent = mayBeThere;
    return this.#track(tracked);
  }

  /**
   * Read from its beginning an answer that an earlier or another page has requested.
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
   * Stop delivering a generation's events; the server continues it. A request that the server may not have accepted yet
   * is still sent.
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
   * Give the model an instruction in mid-answer. Without a connection it is sent once there is one. It ends as a
   * `steered` event, or as `unsteered`.
   * @param {string} id
   * @param {string} content
   * @param {string} key makes it safe to send again (PROTOCOL 4.9)
   * @returns {Step}
   */
  steer(id, content, key) {
    return this.#change(steer(id, content, key));
  }

  /**
   * Change sampling parameters in mid-answer. Without a connection the change is sent once there is one. It ends as a
   * `tuned` event, or as `untuned`.
   * @param {string} id
   * @param {Record<string, unknown>} params
   * @returns {Step}
   */
  tune(id, params) {
    return this.#change(tune(id, params));
  }

  /**
   * @param {import("./messages.js").Steer | import("./messages.js").Tune} change
   * @returns {Step}
   */
  #change(change) {
    const tracked = this.#tracked.get(change.id);
    if (!tracked) return { send: [], deliver: [refusal(change, tooLate(change))] };
    const mayGo = tracked.changes.add(change) && this.#open && tracked.accepted && tracked.changes.areSent && !tracked.attaching;
    return { send: mayGo ? [change] : [], deliver: [] };
  }

  /**
   * @param {ServerMessage} message
   * @returns {Step}
   */
  receive(message) {
    if (message.type === "error") return this.#receiveError(message);
    if (message.type === "conversation" || message.type === "model") return { send: [], deliver: [message] };
    const tracked = "id" in message ? this.#tracked.get(message.id) : undefined;
    if (!tracked) return NOTHING;
    switch (message.type) {
      case "accepted":
        return this.#receiveAccepted(tracked, message);
      case "status":
        return { send: [], deliver: [message] };
      case "token":
        return this.#receiveToken(tracked, message);
      case "steered":
      case "tuned":
        return this.#receiveMark(tracked, message);
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
    this.#hasRefusedFrame = false;
    tracked.changes.resendAt(0);
    return { send: changesAgain(tracked), deliver: [message] };
  }

  /**
   * @param {Tracked} tracked
   * @param {import("./messages.js").Token} message
   * @returns {Step}
   */
  #receiveToken(tracked, message) {
    switch (tracked.cursor.read(message)) {
      case "next":
        return { send: changesAgain(tracked), deliver: [message] };
      case "gap":
        return this.#attachAgain(tracked);
      default:
        return NOTHING;
    }
  }

  /**
   * @param {Tracked} tracked
   * @param {import("./messages.js").Steered | import("./messages.js").Tuned} message
   * @returns {Step}
   */
  #receiveMark(tracked, message) {
    switch (tracked.cursor.read(message)) {
      case "next":
        tracked.changes.happened(message);
        return { send: changesAgain(tracked), deliver: [message] };
      case "gap":
        return this.#attachAgain(tracked);
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
    tracked.hollow = message.recovered === false;
    tracked.changes.resendAt(message.to ?? 0);
    this.#hasRefusedFrame = false;
    return { send: tracked.hollow ? [] : changesAgain(tracked), deliver: [message] };
  }

  /**
   * One right after `steered` or `tuned` repeats the known text, for older clients (PROTOCOL 5.13).
   * @param {Tracked} tracked
   * @param {import("./messages.js").Snapshot} message
   * @returns {Step}
   */
  #receiveSnapshot(tracked, message) {
    const { cursor } = tracked;
    const isKnown = !tracked.hollow && cursor.epoch === message.epoch && cursor.seq === message.seq && message.seq > 0;
    tracked.attaching = tracked.hollow = false;
    if (isKnown) return NOTHING;
    cursor.epoch = message.epoch;
    cursor.seq = message.seq;
    return { send: changesAgain(tracked), deliver: [message] };
  }

  /**
   * @param {Tracked} tracked
   * @param {import("./messages.js").Done} message
   * @returns {Step}
   */
  #receiveDone(tracked, message) {
    if (!tracked.cursor.hasReachedEnd(message)) return this.#attachAgain(tracked);
    const late = tracked.changes.end().map((change) => refusal(change, tooLate(change)));
    const { send, deliver } = this.#end(tracked, message);
    return { send, deliver: [...late, ...deliver] };
  }

  /**
   * @param {ErrorMessage} error
   * @returns {Step}
   */
  #receiveError(error) {
    if (error.re === "draft") return NOTHING; // The server then reads the message once it is sent.
    const tracked = error.id === undefined ? this.#requestAnsweredBy(error) : this.#tracked.get(error.id);
    if (!tracked) return NOTHING;
    if (error.re === "steer" || error.re === "tune") return this.#receiveChangeError(tracked, error.re, error);
    if (!tracked.accepted) return this.#reject(tracked, error);
    if (error.code === "unknown_id") return this.#end(tracked, { type: "lost", id: tracked.id });
    return error.re === "attach" ? this.#receiveAttachError(tracked, error) : NOTHING;
  }

  /**
   * @param {Tracked} tracked
   * @param {"steer" | "tune"} kind
   * @param {ErrorMessage} error about the oldest change of this kind
   * @returns {Step}
   */
  #receiveChangeError(tracked, kind, error) {
    const change = tracked.changes.refused(kind);
    return change ? { send: [], deliver: [refusal(change, error)] } : NOTHING;
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
    tracked.asked = !tracked.accepted;
    tracked.attaching = tracked.accepted;
    const first = tracked.accepted || !tracked.request ? tracked.attachMessage() : tracked.request;
    return tracked.cancelling ? [first, cancel(tracked.id)] : [first];
  }

  /**
   * Find the request that an error without an id answers. Replies come in the order of the frames (PROTOCOL 2.2), and
   * only requests contain user text. `re` is missing if the server couldn't read the frame at all.
   * @param {ErrorMessage} error
   */
  #requestAnsweredBy({ re, code }) {
    if (re !== undefined) return re === "generate" ? this.#unanswered()[0] : undefined;
    if (code !== "bad_json" && code !== "bad_frame") return undefined;
    this.#hasRefusedFrame = true;
    return code === "bad_frame" ? largest(this.#unanswered()) : this.#unanswered()[0];
  }

  /** @returns {Tracked[]} unanswered requests of this connection, the oldest first */
  #unanswered() {
    return [...this.#tracked.values()].filter(({ asked, accepted }) => asked && !accepted);
  }

  /** @param {Tracked} tracked */
  #lose(tracked) {
    tracked.asked = false;
    tracked.losses += 1;
  }

  /**
   * @param {number | undefined} code close code
   * @param {Tracked[]} asked
   * @returns {SessionEvent[]} rejection of the request that caused the close
   */
  #refusedWith(code, asked) {
    if ((code !== TOO_BIG && code !== BAD_FRAMES) || this.#hasRefusedFrame) return [];
    const guilty = code === TOO_BIG ? largest(asked) : asked[0];
    if (!guilty) return [];
    this.#hasRefusedFrame = true;
    return this.#reject(guilty, code === TOO_BIG ? TOO_BIG_ERROR : UNREADABLE_ERROR).deliver;
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
   * Attach again after missing pieces, at the last known piece. One attach is enough until it is answered.
   * @param {Tracked} tracked
   * @returns {Step}
   */
  #attachAgain(tracked) {
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

/**
 * @param {Tracked} tracked
 * @returns {ClientMessage[]} changes of an earlier connection that are not in the log, once it was read up to now
 */
function changesAgain({ changes, cursor }) {
  return changes.again(cursor.seq);
}

/**
 * @param {Tracked[]} asked
 * @returns {Tracked | undefined} generation with the longest request
 */
function largest(asked) {
  const sizes = asked.map(({ request }) => JSON.stringify(request).length);
  return asked[sizes.indexOf(Math.max(...sizes))];
}
