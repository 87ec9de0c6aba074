/** What one generation has written so far, as this page reads it, and what it is doing. Changed by OpenConversation only. */

import * as lines from "../rendering/status-line.js";

/** @typedef {import("../protocol/messages.js").Done} Done */
/** @typedef {import("../protocol/messages.js").Status} Status */
/** @typedef {import("../protocol/session.js").GenerationEvent} GenerationEvent */
/** @typedef {import("../rendering/status-line.js").StatusLine} StatusLine */

export class LiveAnswer {
  text = "";
  isStopping = false;
  /** Messages of the conversation that the model was not given. */
  dropped = 0;
  /** Whether the server is known to have it. */
  isTaken;
  /** @type {Done | null} */
  done = null;
  #seq = 0;
  /** @type {Status | null} */
  #status = null;
  #wasThere;

  /** @param {boolean} isTaken whether it is one that was there before this page came to it */
  constructor(isTaken) {
    this.isTaken = isTaken;
    this.#wasThere = isTaken;
  }

  /** @param {GenerationEvent} event */
  receive(event) {
    switch (event.type) {
      case "accepted":
        this.isTaken = true;
        this.dropped = event.dropped ?? 0;
        this.#status = { type: "status", id: event.id, state: "queued", position: event.position };
        break;
      case "attached":
        this.isTaken = true;
        break;
      case "status":
        this.#status = event;
        break;
      case "token":
        this.text += event.text;
        this.#wrote(event);
        break;
      case "snapshot":
        this.text = event.text;
        this.#wrote(event);
        break;
      case "done":
        this.done = event;
        break;
      default:
        break;
    }
  }

  /** Pieces of text so far, of which nearly each is one token. */
  get tokens() {
    return this.#seq;
  }

  /**
   * @param {boolean} isConnected
   * @param {number} [before] tokens that the answer had before it was continued
   * @returns {StatusLine}
   */
  line(isConnected, before = 0) {
    if (this.isStopping) return lines.STOPPING;
    if (!isConnected) return this.isTaken ? lines.DISCONNECTED : lines.HELD;
    if (!this.#status) return this.#wasThere ? lines.RESUMING : lines.SENDING;
    return lines.describeStatus(this.#status, before + this.#seq);
  }

  /**
   * Text says that it writes, even where the status was dropped.
   * @param {{id: string, seq: number}} event
   */
  #wrote({ id, seq }) {
    this.#seq = seq;
    if (this.#status?.state !== "decode") this.#status = { type: "status", id, state: "decode" };
  }
}
