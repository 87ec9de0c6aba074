/** Sender of frames to a channel over HTTP: one POST at a time, in order, as soon as the channel's address is known. */

import { parsed } from "../guarded-storage.js";

/** @typedef {import("../protocol/messages.js").ErrorMessage} ErrorMessage */

/** Time limit for the POST of one frame, in milliseconds. */
const POST_MS = 15_000;
const UNAUTHORIZED = 401;
const CLOSE_BAD_TOKEN = 4401;
const CLOSE_LOST = 1006;
const TOO_LARGE = 413;
/**
 * Statuses that refuse only this frame, from the server or from a proxy in front of it: the channel stays open
 * (PROTOCOL 13.2).
 */
const REFUSALS = [400, 403, 406, 411, TOO_LARGE, 415, 422, 431, 451];

/**
 * @typedef {object} OutboxDelegate
 * @property {(code: number) => void} outboxFailed code: close code that a WebSocket would have had
 * @property {(frame: string, error: ErrorMessage) => void} outboxRefused the next frames are still posted
 */
/** @typedef {{closed?: number, error?: ErrorMessage}} Outcome of a POST; empty if the server accepted the frame */

export class Outbox {
  #delegate;
  /** @type {string[]} */
  #frames = [];
  /** @type {string | null} address of the channel; null until it is known */
  #url = null;
  #isPosting = false;
  #end = new AbortController();

  /** @param {OutboxDelegate} delegate */
  constructor(delegate) {
    this.#delegate = delegate;
  }

  /** @param {string} url of the channel */
  open(url) {
    this.#url = url;
    this.#next();
  }

  /** @param {string} frame */
  add(frame) {
    this.#frames.push(frame);
    this.#next();
  }

  /** Stop posting frames. */
  close() {
    this.#end.abort();
  }

  #next() {
    if (this.#isPosting || this.#url === null || this.#end.signal.aborted) return;
    const frame = this.#frames.shift();
    if (frame === undefined) return;
    this.#isPosting = true;
    this.#post(this.#url, frame).then((outcome) => this.#posted(frame, outcome));
  }

  /**
   * @param {string} url
   * @param {string} frame
   * @returns {Promise<Outcome>}
   */
  async #post(url, frame) {
    try {
      const response = await fetch(url, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: frame,
        signal: AbortSignal.any([this.#end.signal, AbortSignal.timeout(POST_MS)]),
      });
      if (response.ok) return {};
      if (REFUSALS.includes(response.status)) return { error: errorOf(response.status, parsed(await response.text())) };
      return { closed: response.status === UNAUTHORIZED ? CLOSE_BAD_TOKEN : CLOSE_LOST };
    } catch {
      return { closed: CLOSE_LOST };
    }
  }

  /**
   * @param {string} frame
   * @param {Outcome} outcome
   */
  #posted(frame, { closed, error }) {
    this.#isPosting = false;
    if (this.#end.signal.aborted) return;
    if (closed !== undefined) {
      this.close();
      return this.#delegate.outboxFailed(closed);
    }
    if (error) this.#delegate.outboxRefused(frame, error);
    this.#next();
  }
}

/**
 * @param {number} status
 * @param {any} answer the server's error as JSON; a proxy sends something else
 * @returns {ErrorMessage}
 */
function errorOf(status, answer) {
  const isTooLarge = status === TOO_LARGE;
  const message = typeof answer?.message === "string" ? answer.message : `the server answered with the status ${status}`;
  const code = isTooLarge ? "frame_too_large" : typeof answer?.code === "string" ? answer.code : "refused_by_proxy";
  return { type: "error", code, message, retryable: false };
}
