/** One question and its answer: the text so far, and the words about it. Changed by StreamUI and Conversation only. */

import * as lines from "./rendering/status-line.js";

/** @typedef {import("./kept-chat.js").End} End */
/** @typedef {import("./kept-chat.js").KeptExchange} KeptExchange */
/** @typedef {import("./protocol/messages.js").Accepted} Accepted */
/** @typedef {import("./protocol/messages.js").Attached} Attached */
/** @typedef {import("./protocol/messages.js").Params} Params */
/** @typedef {import("./protocol/messages.js").Snapshot} Snapshot */
/** @typedef {import("./protocol/messages.js").Status} Status */
/** @typedef {import("./protocol/messages.js").Token} Token */
/** @typedef {import("./protocol/messages.js").Turn} Turn */
/** @typedef {import("./rendering/message-view.js").Offer} Offer */
/** @typedef {import("./rendering/status-line.js").StatusLine} StatusLine */
/**
 * @typedef {object} AnswerView
 * @property {(text: string) => void} append
 * @property {(text: string) => void} replace
 * @property {() => void} finish no more text will come
 * @property {(line: StatusLine) => void} showStatus
 * @property {(offers: Offer[]) => void} offer
 * @property {() => void} remove
 */

/**
 * A question that has not been sent yet.
 * @param {string} id
 * @param {string} prompt
 * @param {Turn[]} messages
 * @param {Params} [params]
 * @returns {KeptExchange}
 */
export function newExchange(id, prompt, messages, params) {
  return { id, prompt, messages, ...(params && { params }), epoch: "", seq: 0, text: "", isStopping: false, isForgotten: false, end: null };
}

export class Exchange {
  #view;
  /** @type {KeptExchange} */
  #kept;
  /** @type {Status | null} */
  #status = null;
  #isConnected;
  /** Whether this page came to an answer that was there before. */
  #isResumed;

  /**
   * @param {KeptExchange} kept
   * @param {AnswerView} view
   * @param {boolean} isConnected
   */
  constructor(kept, view, isConnected) {
    this.#kept = { ...kept };
    this.#view = view;
    this.#isConnected = isConnected;
    this.#isResumed = kept.epoch !== "";
    if (kept.text !== "") view.append(kept.text);
    if (kept.end) view.finish();
    this.#describe();
  }

  get id() {
    return this.#kept.id;
  }

  get prompt() {
    return this.#kept.prompt;
  }

  /** What is to be kept of it. */
  get kept() {
    return { ...this.#kept };
  }

  get isStopping() {
    return this.#kept.isStopping;
  }

  get hasEnded() {
    return this.#kept.end !== null;
  }

  /**
   * What the model is told about this exchange later on. A question without any answer is left out, because many
   * chat templates take only turns that alternate.
   * @returns {Turn[]}
   */
  get turns() {
    if (this.#kept.text === "" || this.#kept.isForgotten) return [];
    return [
      { role: "user", content: this.prompt },
      { role: "assistant", content: this.#kept.text },
    ];
  }

  /** The model is not told of it any more. */
  forget() {
    this.#kept.isForgotten = true;
  }

  /** @param {boolean} isConnected */
  connectionChanged(isConnected) {
    this.#isConnected = isConnected;
    this.#describe();
  }

  stopping() {
    this.#kept.isStopping = true;
    this.#describe();
  }

  /** @param {Accepted} accepted */
  accepted(accepted) {
    this.taken(accepted);
    this.statusChanged({ type: "status", id: this.id, state: "queued", position: accepted.position });
  }

  /**
   * The server has it, so that it need not be asked again.
   * @param {Accepted | Attached} answer
   */
  taken({ epoch }) {
    this.#kept.epoch = epoch;
    this.#kept.messages = [];
    delete this.#kept.params;
  }

  /** @param {Status} status */
  statusChanged(status) {
    this.#status = status;
    this.#describe();
  }

  /** @param {Token} token */
  grew(token) {
    this.#kept.text += token.text;
    this.#kept.seq = token.seq;
    this.#view.append(token.text);
    this.#isWriting();
  }

  /** @param {Snapshot} snapshot */
  replaced({ epoch, seq, text }) {
    Object.assign(this.#kept, { epoch, seq, text });
    this.#view.replace(text);
    this.#isWriting();
  }

  /** @param {End} end */
  ended(end) {
    this.#kept.end = end;
    this.#kept.messages = [];
    delete this.#kept.params;
    this.#view.finish();
    this.#describe();
  }

  /**
   * Another tab has seen its end.
   * @param {KeptExchange} other
   */
  adoptEnd(other) {
    this.#kept = { ...other };
    this.#view.replace(other.text);
    this.#view.finish();
    this.#describe();
  }

  /** @param {Offer[]} offers what can be done about it; nothing once it is no longer the last one */
  offer(offers) {
    this.#view.offer(offers);
  }

  remove() {
    this.#view.remove();
  }

  /** Text says so even where the status was dropped. */
  #isWriting() {
    if (this.#status?.state !== "decode") this.#status = { type: "status", id: this.id, state: "decode" };
    this.#describe();
  }

  #describe() {
    this.#view.showStatus(this.#line());
  }

  /** @returns {StatusLine} */
  #line() {
    if (this.#kept.end) return this.#kept.end.line;
    if (this.isStopping) return lines.STOPPING;
    if (!this.#isConnected) return this.#status || this.#isResumed ? lines.DISCONNECTED : lines.HELD;
    if (!this.#status) return this.#isResumed ? lines.RESUMING : lines.SENDING;
    return lines.describeStatus(this.#status, this.#kept.seq);
  }
}
