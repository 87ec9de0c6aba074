/** A connection for tests that only records what is sent. */

/** @typedef {import("../../frontend/protocol/messages.js").Generate} Generate */
/** @typedef {import("../../frontend/protocol/messages.js").ForkGenerate} ForkGenerate */
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
  /** @type {string[]} of the instructions */
  keys = [];
  /** @type {{id: string, params: Record<string, unknown>}[]} */
  tuned = [];
  retries = 0;
  isWatching = false;
  /** Called when the server delivers changes on a connection. */
  watchBegun = () => {};
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

  /** @param {() => void} begun */
  watch(begun) {
    this.isWatching = true;
    this.watchBegun = begun;
  }

  /** @type {PlainGenerate[]} */
  summaries = [];
  /** @type {ForkGenerate[]} */
  forks = [];
  /** @type {{id: string, seq: number, receive: (looked: import("../../frontend/protocol/lookups.js").Looked) => void}[]} */
  looks = [];

  /**
   * @param {string} id
   * @param {number} seq
   * @param {number} _count
   * @param {(looked: import("../../frontend/protocol/lookups.js").Looked) => void} receive
   */
  askAlternatives(id, seq, _count, receive) {
    this.looks.push({ id, seq, receive });
  }

  /** @param {Generate | PlainGenerate | ForkGenerate} request */
  generate(request) {
    if ("from" in request && !("parent" in request)) this.forks.push(/** @type {ForkGenerate} */ (request));
    else if ("messages" in request) this.summaries.push(request);
    else this.generated.push(/** @type {Generate} */ (request));
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
   * @param {string} key
   */
  steer(id, content, key) {
    this.steered.push({ id, content });
    this.keys.push(key);
  }

  /**
   * @param {string} id
   * @param {Record<string, unknown>} params
   */
  tune(id, params) {
    this.tuned.push({ id, params });
  }
}
