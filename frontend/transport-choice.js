/**
 * Choice of the transport to try: a WebSocket first, then the kinds that pass where WebSockets are blocked. Remembers
 * the kind that worked, and tries the WebSocket again after a while. Owns that memory.
 */

/** @typedef {import("./guarded-storage.js").Keeping} Keeping */
/** @typedef {"websocket" | "sse" | "polling"} TransportKind */
/** @typedef {{kind: TransportKind, at: number, forMs: number}} Fallback kind that worked instead of a WebSocket, since when, and for how long it is tried first */

/** @type {readonly TransportKind[]} from the best one to the one that passes everywhere */
const KINDS = ["websocket", "sse", "polling"];
const KEY = "streamui.transport.v1";

/**
 * Time for which the first fallback is tried before a WebSocket, in milliseconds. It grows with each further fallback,
 * up to a day.
 */
const FIRST_FALLBACK_MS = 5 * 60_000;
const LONGEST_FALLBACK_MS = 24 * 3_600_000;
const GROWTH = 12;
/**
 * Failures in a row after which a transport that has worked on this page is replaced. The server may only be restarting,
 * so one failure is not enough.
 */
const PATIENCE = 3;

export class TransportChoice {
  #storage;
  #now;
  /** @type {Fallback | null} */
  #fallback = null;
  /** @type {readonly TransportKind[]} kinds to try in this round */
  #round = KINDS;
  #index = 0;
  /** @type {TransportKind | null} kind that received a `welcome` last */
  #worked = null;
  #failures = 0;
  /** Whether what has worked on this page was tried once more in this round, after a lesser kind has worked. */
  #isRetried = false;

  /**
   * @param {Keeping} storage
   * @param {() => number} now milliseconds since 1970
   */
  constructor(storage, now) {
    this.#storage = storage;
    this.#now = now;
  }

  /** @returns {TransportKind} kind to try now */
  get kind() {
    return this.#round[this.#index] ?? "websocket";
  }

  /** Begin a round of attempts with the kind that is most likely to work. */
  begin() {
    const fallback = readFallback(this.#storage.read(KEY));
    if (fallback) this.#fallback = fallback;
    const first = this.#validFallback()?.kind ?? "websocket";
    this.#round = [first, ...KINDS.filter((kind) => kind !== first)];
    this.#index = 0;
    this.#isRetried = false;
  }

  /**
   * Report that the current kind received no `welcome`.
   * @returns {boolean} whether to try another one in this round
   */
  failed() {
    if (this.kind === this.#worked && (this.#failures += 1) < PATIENCE) return false;
    this.#index += 1;
    return this.#index < this.#round.length;
  }

  /**
   * Report that the current kind received a `welcome`.
   *
   * A better kind that has worked on this page may have failed only because the server came back after its attempt. So
   * it is tried once more, and replaced only if it fails while the server answers.
   * @returns {boolean} whether to stay with this kind; false: try `kind`, which is now what has worked before
   */
  welcomed() {
    const better = this.#failedBetter();
    if (better >= 0 && !this.#isRetried) {
      this.#isRetried = true;
      this.#index = better;
      return false;
    }
    this.#worked = this.kind;
    this.#failures = 0;
    if (this.kind === "websocket") this.#remember(null);
    else if (this.#validFallback()?.kind !== this.kind) this.#remember(this.#nextFallback());
    return true;
  }

  /** @returns {number} place in this round of what has worked on this page, is better than the current kind and failed; -1: none */
  #failedBetter() {
    const place = this.#round.findIndex((kind) => kind === this.#worked && KINDS.indexOf(kind) < KINDS.indexOf(this.kind));
    return place < this.#index ? place : -1;
  }

  /** @returns {Fallback} */
  #nextFallback() {
    const forMs = this.#fallback ? Math.min(this.#fallback.forMs * GROWTH, LONGEST_FALLBACK_MS) : FIRST_FALLBACK_MS;
    return { kind: this.kind, at: this.#now(), forMs };
  }

  #validFallback() {
    if (!this.#fallback) return null;
    const age = this.#now() - this.#fallback.at;
    return age >= 0 && age < this.#fallback.forMs ? this.#fallback : null;
  }

  /** @param {Fallback | null} fallback */
  #remember(fallback) {
    if (fallback === null && this.#fallback === null) return;
    this.#fallback = fallback;
    this.#storage.write(KEY, fallback);
  }
}

/**
 * @param {any} stored
 * @returns {Fallback | null}
 */
function readFallback(stored) {
  const isOne = KINDS.includes(stored?.kind) && Number.isFinite(stored.at) && Number.isFinite(stored.forMs);
  return isOne ? stored : null;
}
