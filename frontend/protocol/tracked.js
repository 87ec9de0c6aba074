/** State of one generation in the session, with its cursor. Changed by Session only. */

import { Changes } from "./changes.js";
import { attach } from "./messages.js";

/** @typedef {import("./messages.js").ClientMessage} ClientMessage */
/** @typedef {import("./messages.js").Generate} Generate */
/** @typedef {import("./messages.js").PlainGenerate} PlainGenerate */
/** @typedef {import("./messages.js").ForkGenerate} ForkGenerate */

/**
 * Position up to which one generation's log has been read. A token with sequence number `seq` covers the pieces `seq -
 * n + 1` to `seq`.
 */
export class Cursor {
  epoch = "";
  seq = 0;

  /**
   * Classify a token as the next one, a repeated one, or one after a gap. Advance past it if it is the next one.
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
   * Check if everything before the end has been read.
   * @param {{seq: number}} done
   */
  hasReachedEnd(done) {
    return done.seq === this.seq + 1;
  }
}

/** One generation, from its request or first attach until its end. */
export class Tracked {
  cursor = new Cursor();
  sent = false;
  /** True if the generation was requested over the current connection. */
  asked = false;
  /** Number of connections that ended before the request was answered. */
  losses = 0;
  accepted = false;
  attaching = false;
  cancelling = false;
  /** True if the text is missing until a snapshot arrives. */
  hollow = false;
  changes = new Changes();

  /**
   * @param {string} id
   * @param {Generate | PlainGenerate | ForkGenerate | null} request null if another page made the request
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
