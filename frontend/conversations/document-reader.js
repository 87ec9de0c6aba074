/** Reads a conversation's document from the server, and once more if it may have changed during the read. */

import { ApiError } from "./api-error.js";

/** @typedef {import("./api.js").ConversationDocument} ConversationDocument */
/**
 * @typedef {object} DocumentReaderHooks
 * @property {() => Promise<ConversationDocument>} read
 * @property {(document: ConversationDocument) => void} received
 * @property {(error: ApiError) => void} failed
 */

export class DocumentReader {
  #hooks;
  #isReading = false;
  #isStale = false;
  #isStopped = false;

  /** @param {DocumentReaderHooks} hooks */
  constructor(hooks) {
    this.#hooks = hooks;
  }

  /** Read the document, after a running read if there is one. */
  async read() {
    this.#isStale = true;
    if (this.#isReading) return;
    this.#isReading = true;
    while (this.#isStale && !this.#isStopped) {
      this.#isStale = false;
      await this.#readOnce();
    }
    this.#isReading = false;
  }

  /** Repeat a running read: the page knows something newer than its result may be. */
  repeat() {
    this.#isStale = this.#isReading;
  }

  /** Read no more, and drop the result of a running read. */
  stop() {
    this.#isStopped = true;
  }

  async #readOnce() {
    try {
      const document = await this.#hooks.read();
      if (this.#isUsable) this.#hooks.received(document);
    } catch (error) {
      if (this.#isUsable) this.#hooks.failed(error instanceof ApiError ? error : new ApiError(String(error)));
    }
  }

  get #isUsable() {
    return !this.#isStale && !this.#isStopped;
  }
}
