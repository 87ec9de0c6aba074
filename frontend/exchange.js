/** One question and its answer: the text so far, and the words about it. Changed by StreamUI only. */

import * as lines from "./rendering/status-line.js";

/** @typedef {import("./protocol/messages.js").Accepted} Accepted */
/** @typedef {import("./protocol/messages.js").Done} Done */
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
 * @property {(line: StatusLine) => void} showStatus
 * @property {(offers: Offer[]) => void} offer
 * @property {() => void} remove
 */

export class Exchange {
  #view;
  #text = "";
  #tokens = 0;
  /** @type {Status | null} */
  #status = null;
  #isConnected;
  #isStopping = false;
  #isForgotten = false;

  /**
   * @param {string} id of the generation
   * @param {string} prompt
   * @param {AnswerView} view
   * @param {boolean} isConnected
   */
  constructor(id, prompt, view, isConnected) {
    this.id = id;
    this.prompt = prompt;
    this.#view = view;
    this.#isConnected = isConnected;
    this.#describe();
  }

  /**
   * What the model is told about this exchange later on. A question without any answer is left out, because many
   * chat templates take only turns that alternate.
   * @returns {Turn[]}
   */
  get turns() {
    if (this.#text === "" || this.#isForgotten) return [];
    return [
      { role: "user", content: this.prompt },
      { role: "assistant", content: this.#text },
    ];
  }

  /** The model is not told of it any more. */
  forget() {
    this.#isForgotten = true;
  }

  /** @param {boolean} isConnected */
  connectionChanged(isConnected) {
    this.#isConnected = isConnected;
    this.#describe();
  }

  stopping() {
    this.#isStopping = true;
    this.#describe();
  }

  /** @param {Accepted} accepted */
  accepted({ id, position }) {
    this.statusChanged({ type: "status", id, state: "queued", position });
  }

  /** @param {Status} status */
  statusChanged(status) {
    this.#status = status;
    this.#describe();
  }

  /** @param {Token} token */
  grew(token) {
    this.#text += token.text;
    this.#tokens = token.seq;
    this.#view.append(token.text);
    this.#isWriting();
  }

  /** @param {Snapshot} snapshot */
  replaced(snapshot) {
    this.#text = snapshot.text;
    this.#tokens = snapshot.seq;
    this.#view.replace(snapshot.text);
    this.#isWriting();
  }

  /**
   * @param {StatusLine} line how it ended
   * @param {Offer[]} offers what can be done about it
   */
  ended(line, offers) {
    this.#view.showStatus(line);
    this.#view.offer(offers);
  }

  /** It is no longer the last one, so there is nothing to be done about it. */
  settle() {
    this.#view.offer([]);
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
    if (this.#isStopping) return lines.STOPPING;
    if (!this.#isConnected) return this.#status ? lines.DISCONNECTED : lines.HELD;
    return this.#status ? lines.describeStatus(this.#status, this.#tokens) : lines.SENDING;
  }
}
