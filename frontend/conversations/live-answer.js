/** Text and state of one generation, as far as this page has received it. Changed by OpenConversation only. */

import * as lines from "../words/status-line.js";

/** @typedef {import("../protocol/messages.js").Done} Done */
/** @typedef {import("../protocol/messages.js").Status} Status */
/** @typedef {import("../protocol/session.js").GenerationEvent} GenerationEvent */
/** @typedef {import("../words/status-line.js").StatusLine} StatusLine */

export class LiveAnswer {
  text = "";
  isStopping = false;
  /** Number of the conversation's messages that the model did not receive. */
  dropped = 0;
  /** True if the server has accepted the request. */
  isAccepted;
  /** @type {Done | null} */
  done = null;
  #seq = 0;
  /** @type {Status | null} */
  #status = null;
  #existedBefore;

  /** @param {boolean} isAccepted whether the generation existed before this page attached to it */
  constructor(isAccepted) {
    this.isAccepted = isAccepted;
    this.#existedBefore = isAccepted;
  }

  /** @param {GenerationEvent} event */
  receive(event) {
    switch (event.type) {
      case "accepted":
        this.isAccepted = true;
        this.dropped = event.dropped ?? 0;
        this.#status = { type: "status", id: event.id, state: "queued", position: event.position };
        break;
      case "attached":
        this.isAccepted = true;
        break;
      case "status":
        this.#status = event;
        break;
      case "token":
        this.text += event.text;
        this.#noteProgress(event);
        break;
      case "snapshot":
        this.text = event.text;
        this.#noteProgress(event);
        break;
      case "done":
        this.done = event;
        break;
      default:
        break;
    }
  }

  /** Number of text pieces so far; nearly every piece is one token. */
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
    if (!isConnected) return this.isAccepted ? lines.DISCONNECTED : lines.HELD;
    if (!this.#status) return this.#existedBefore ? lines.RESUMING : lines.SENDING;
    return lines.describeStatus(this.#status, before + this.#seq);
  }

  /**
   * Record progress. A token or snapshot implies decoding, even if the status message was dropped.
   * @param {{id: string, seq: number}} event
   */
  #noteProgress({ id, seq }) {
    this.#seq = seq;
    if (this.#status?.state !== "decode") this.#status = { type: "status", id, state: "decode" };
  }
}
