/** Changes of one running answer that are not in its log yet: instructions and new parameters. Changed by Session only. */

/** @typedef {import("./messages.js").Steer} Steer */
/** @typedef {import("./messages.js").Tune} Tune */
/** @typedef {import("./messages.js").Steered} Steered */
/** @typedef {import("./messages.js").Tuned} Tuned */
/** @typedef {import("./messages.js").ErrorMessage} ErrorMessage */

/** @typedef {{type: "unsteered", id: string, content: string, key: string, error: ErrorMessage}} Unsteered the server refused an instruction */
/** @typedef {{type: "untuned", id: string, params: Record<string, unknown>, error: ErrorMessage}} Untuned the server refused new parameters */

/** Kind of the message that asks for each event. */
const ASKED = /** @type {const} */ ({ steered: "steer", tuned: "tune" });

export class Changes {
  /** @type {(Steer | Tune)[]} in the order of their requests */
  #open = [];
  /** @type {number | null} number in the log from which on all are sent again */
  #resendAt = null;

  /**
   * @param {Steer | Tune} message
   * @returns {boolean} false if it is an instruction that is here already
   */
  add(message) {
    if (message.type === "steer" && this.#open.some((each) => each.type === "steer" && each.key === message.key)) return false;
    this.#open.push(message);
    return true;
  }

  /** True if a new change may be sent now: the earlier ones need not be sent again. */
  get areSent() {
    return this.#resendAt === null;
  }

  /**
   * Remove the change that has become this event. The event may be of another client.
   * @param {Steered | Tuned} event
   */
  happened(event) {
    const oldest = this.#open.find(({ type }) => type === ASKED[event.type]);
    if (oldest && isOf(event, oldest)) this.#remove(oldest);
  }

  /**
   * Remove the oldest change of a kind.
   * @param {string} type
   * @returns {Steer | Tune | undefined}
   */
  refused(type) {
    const oldest = this.#open.find((change) => change.type === type);
    if (oldest) this.#remove(oldest);
    return oldest;
  }

  /** Remove all changes: the answer has ended. */
  end() {
    return this.#open.splice(0);
  }

  /**
   * Send all changes again once the log was read up to this number.
   * @param {number} seq
   */
  resendAt(seq) {
    this.#resendAt = seq;
  }

  /**
   * Changes of an earlier connection that are not in the log, once it was read up to now.
   * @param {number} seq number up to which it was read
   * @returns {(Steer | Tune)[]}
   */
  again(seq) {
    if (this.#resendAt === null || seq < this.#resendAt) return [];
    this.#resendAt = null;
    return [...this.#open];
  }

  /** @param {Steer | Tune} change */
  #remove(change) {
    this.#open.splice(this.#open.indexOf(change), 1);
  }
}

/**
 * @param {Steer | Tune} change
 * @param {ErrorMessage} error
 * @returns {Unsteered | Untuned}
 */
export function refusal(change, error) {
  return change.type === "steer"
    ? { type: "unsteered", id: change.id, content: change.content, key: change.key, error }
    : { type: "untuned", id: change.id, params: change.params ?? {}, error };
}

/**
 * @param {Steer | Tune} change of an answer that had ended
 * @returns {ErrorMessage}
 */
export function tooLate({ type }) {
  const message = `The answer ended before the ${type === "steer" ? "instruction" : "change"}.`;
  return { type: "error", re: type, code: "already_done", message, retryable: false };
}

/**
 * @param {Steered | Tuned} event
 * @param {Steer | Tune} change of its kind
 */
function isOf(event, change) {
  if (event.type === "steered") return change.type === "steer" && change.content === event.content;
  return change.type === "tune" && isSame(change.params ?? {}, event.params);
}

/**
 * Compare JSON values. The server sends keys in another order.
 * @param {unknown} one
 * @param {unknown} other
 * @returns {boolean}
 */
function isSame(one, other) {
  if (!isObject(one) || !isObject(other)) return Object.is(one, other);
  const keys = Object.keys(one);
  return keys.length === Object.keys(other).length && keys.every((key) => isSame(one[key], other[key]));
}

/**
 * @param {unknown} value
 * @returns {value is Record<string, unknown>}
 */
function isObject(value) {
  return typeof value === "object" && value !== null;
}
