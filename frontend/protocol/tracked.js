/** One generation as the session follows it, and how far its log has been read. Changed by Session only. */

import { attach } from "./messages.js";

/** @typedef {import("./messages.js").ClientMessage} ClientMessage */
/** @typedef {import("./messages.js").Generate} Generate */
/** @typedef {import("./messages.js").PlainGenerate} PlainGenerate */

/**
 * How far one generation's log has been read.
 * A token of sequence number `seq` covers the pieces `seq - n + 1` to `seq`.
 */
export class Cursor {
  epoch = "";
  seq = 0;

  /**
   * Whether a token is the next one, one that was read before, or one beyond a hole. Moves on past the next one.
   * @param {{seq: number, n?: number}} token
   * @returns {"next" | "duplicate" | "gap"}
   */
  read({ seq, n = 1 }) {
    if (seq <= this.seq) return "duplicate";
    if (seq - n !== this.seq) return "gap";
    this.seq = seq;
    return "next";
  }

  /**
   * Whether everything before the end has been read.
   * @param {{seq: number}} done
   */
  hasReachedEnd(done) {
    return done.seq === this.seq + 1;
  }
}

/** One generation, from when it is asked for or looked for until its end. */
export class Tracked {
  cursor = new Cursor();
  sent = false;
  /** Whether it was asked for over the present connection. */
  asked = false;
  /** How many connections ended before the request was answered. */
  losses = 0;
  accepted = false;
  attaching = false;
  cancelling = false;

  /**
   * @param {string} id
   * @param {Generate | PlainGenerate | null} request null where somebody else has asked
   */
  constructor(id, request) {
    this.id = id;
    this.request = request;
  }

  /** @returns {ClientMessage} */
  attachMessage() {
    return attach(this.id, this.cursor.epoch, this.cursor.seq);
  }
}
