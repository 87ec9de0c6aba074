/** Text and state of one generation, as far as this page has received it. Changed by OpenConversation only. */

import * as lines from "../words/status-line.js";
import { withParts } from "./tool-calls.js";

/** @typedef {import("../protocol/messages.js").Done} Done */
/** @typedef {import("../protocol/messages.js").Status} Status */
/** @typedef {import("../protocol/session.js").GenerationEvent} GenerationEvent */
/** @typedef {import("../words/status-line.js").StatusLine} StatusLine */

export class LiveAnswer {
  /** Text after the last instruction. */
  text = "";
  /** @type {{text: string, seq: number, instruction: string}[]} the text before each instruction, and the instruction */
  parts = [];
  /** @type {import("../protocol/messages.js").ToolCall[]} calls so far; the last one may be incomplete */
  calls = [];
  /** @type {Record<string, unknown>} newest values of the parameters that were changed in mid-answer */
  tuned = {};
  isStopping = false;
  /** @type {string | undefined} name of the model that writes it, where the server has told it */
  model;
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

  /**
   * Take over the progress of the answer before an instruction.
   * @param {LiveAnswer} before
   */
  resume({ isStopping, tokens, tuned }) {
    this.isAccepted = true;
    this.tuned = tuned;
    this.isStopping = isStopping;
    this.#seq = tokens;
    this.#status = { type: "status", id: "", state: "decode" };
  }

  /** @param {GenerationEvent} event */
  receive(event) {
    switch (event.type) {
      case "accepted":
        this.isAccepted = true;
        this.dropped = event.dropped ?? 0;
        this.model = event.model;
        this.#status = { type: "status", id: event.id, state: "queued", position: event.position };
        break;
      case "attached":
        this.isAccepted = true;
        break;
      case "status":
        this.#status = event;
        this.dropped = event.dropped ?? this.dropped;
        break;
      case "token":
        this.text += event.text;
        if (event.tool_calls) this.calls = withParts(this.calls, event.tool_calls);
        this.#noteProgress(event);
        break;
      case "steered":
        this.parts.push({ text: this.text, seq: event.seq, instruction: event.content });
        this.text = "";
        this.#noteProgress(event);
        break;
      case "tuned":
        this.tuned = { ...this.tuned, ...event.params };
        this.#noteProgress(event);
        break;
      case "snapshot":
        this.tuned = { ...event.tuned?.params };
        this.#rewrite(event);
        this.calls = event.tool_calls ?? [];
        this.#noteProgress(event);
        break;
      case "done":
        this.done = event;
        this.dropped = event.dropped ?? this.dropped;
        break;
      default:
        break;
    }
  }

  /** True once the answer can be steered: it has text. */
  get isWriting() {
    return this.#seq > 0 && !this.isStopping;
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
    const line = lines.describeStatus(this.#status, before + this.#seq);
    return Object.keys(this.tuned).length > 0 ? lines.withTuned(line) : line;
  }

  /** @param {import("../protocol/messages.js").Snapshot} snapshot */
  #rewrite({ text, steered = [] }) {
    this.parts = [];
    const points = steered.length === 0 ? [] : [...text];
    let begin = 0;
    for (const { seq, chars, content } of steered) {
      this.parts.push({ text: points.slice(begin, chars).join(""), seq, instruction: content });
      begin = chars;
    }
    this.text = begin === 0 && steered.length === 0 ? text : points.slice(begin).join("");
  }

  /**
   * Record progress. A token or snapshot implies decoding, even if the status message was dropped.
   * @param {{id: string, seq: number}} event
   */
  #noteProgress({ id, seq }) {
    this.#seq = seq;
    if (this.#status?.state !== "decode" || this.#status.upstream) this.#status = { type: "status", id, state: "decode" };
  }
}
