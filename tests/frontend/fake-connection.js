/** A connection for tests that only records what is sent. */

/** @typedef {import("../../frontend/protocol/messages.js").Generate} Generate */
/** @typedef {import("../../frontend/protocol/messages.js").PlainGenerate} PlainGenerate */

export class FakeConnection {
  /** @type {Generate[]} */
  generated = [];
  /** @type {string[]} */
  followed = [];
  /** @type {string[]} */
  detached = [];
  /** @type {string[]} */
  cancelled = [];
  /** @type {{id: string, content: string}[]} */
  steered = [];
  /** @type {{id: string, params: Record<string, unknown>}[]} */
  tuned = [];
  retries = 0;
  isWatching = false;
  isRunning = false;

  start() {
    this.isRunning = true;
  }

  stop() {
    this.isRunning = false;
  }

  retryNow() {
    this.retries += 1;
  }

  watch() {
    this.isWatching = true;
  }

  /** @type {PlainGenerate[]} */
  summaries = [];

  /** @param {Generate | PlainGenerate} request */
  generate(request) {
    if ("messages" in request) this.summaries.push(request);
    else this.generated.push(request);
  }

  /** @param {string} id */
  follow(id) {
    this.followed.push(id);
  }

  /** @param {string} id */
  detach(id) {
    this.detached.push(id);
  }

  /** @param {string} id */
  cancel(id) {
    this.cancelled.push(id);
  }

  /**
   * @param {string} id
   * @param {string} content
   */
  steer(id, content) {
    this.steered.push({ id, content });
  }

  /**
   * @param {string} id
   * @param {Record<string, unknown>} params
   */
  tune(id, params) {
    this.tuned.push({ id, params });
  }
}
