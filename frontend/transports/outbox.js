/** Brings frames to a channel over HTTP: one POST at a time, in their order, from when the channel has a name. */

/** How long the server may take to take one frame, in milliseconds. */
const POST_MS = 15_000;
/** The close code of a WebSocket for each status that says more than that the channel is lost. */
const UNAUTHORIZED = 401;
const TOO_LARGE = 413;
const CLOSE_TOO_BIG = 1009;
const CLOSE_BAD_TOKEN = 4401;
const CLOSE_LOST = 1006;

/** @type {ReadonlyMap<number, number>} */
const CLOSES = new Map([
  [TOO_LARGE, CLOSE_TOO_BIG],
  [UNAUTHORIZED, CLOSE_BAD_TOKEN],
]);

/** @typedef {{outboxFailed: (code: number) => void}} OutboxDelegate code: as a WebSocket would have closed */

export class Outbox {
  #delegate;
  /** @type {string[]} */
  #frames = [];
  /** @type {string | null} address of the channel, once it is known */
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

  /** Posts no more. */
  close() {
    this.#end.abort();
  }

  #next() {
    if (this.#isPosting || this.#url === null || this.#end.signal.aborted) return;
    const frame = this.#frames.shift();
    if (frame === undefined) return;
    this.#isPosting = true;
    this.#post(this.#url, frame).then((code) => this.#posted(code));
  }

  /**
   * @param {string} url
   * @param {string} frame
   * @returns {Promise<number | null>} the close code that its failure amounts to
   */
  async #post(url, frame) {
    try {
      const response = await fetch(url, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: frame,
        signal: AbortSignal.any([this.#end.signal, AbortSignal.timeout(POST_MS)]),
      });
      if (response.ok) return null;
      return CLOSES.get(response.status) ?? CLOSE_LOST;
    } catch {
      return CLOSE_LOST;
    }
  }

  /** @param {number | null} code */
  #posted(code) {
    this.#isPosting = false;
    if (this.#end.signal.aborted) return;
    if (code === null) return this.#next();
    this.close();
    this.#delegate.outboxFailed(code);
  }
}
