/** Tree of a conversation's messages. Immutable: a change makes another tree. */

/** @typedef {import("./api.js").Message} Message */

export class MessageTree {
  /** @type {Map<string, Message>} */
  #messages;
  /** @type {Map<string | null, Message[]>} in the order in which they were written */
  #children = new Map();

  /** @param {Message[]} messages each after its parent; one without a known parent counts as a first message */
  constructor(messages) {
    this.#messages = new Map(messages.map((message) => [message.id, message]));
    for (const message of messages) this.#childrenOf(this.#parentOf(message)).push(message);
  }

  /** @param {string | null} id */
  find(id) {
    return id === null ? undefined : this.#messages.get(id);
  }

  get all() {
    return [...this.#messages.values()];
  }

  /**
   * List the messages from the first one down to this one.
   * @param {string | null} leaf
   * @returns {Message[]}
   */
  pathTo(leaf) {
    const path = [];
    for (let message = this.find(leaf); message && path.length <= this.#messages.size; message = this.find(message.parent)) {
      path.push(message);
    }
    return path.reverse();
  }

  /**
   * List all versions of a message, itself included.
   * @param {Message} message
   * @returns {Message[]}
   */
  siblings(message) {
    return this.#children.get(this.#parentOf(message)) ?? [message];
  }

  /**
   * Find the end of the branch that follows the newest message at each step.
   * @param {string | null} id null for the newest first message
   * @returns {string | null}
   */
  tipOf(id) {
    let tip = id;
    for (let steps = 0; steps <= this.#messages.size; steps += 1) {
      const newest = this.#children.get(tip)?.at(-1);
      if (!newest) break;
      tip = newest.id;
    }
    return tip;
  }

  /** @param {Message} message */
  #parentOf({ parent }) {
    return parent !== null && this.#messages.has(parent) ? parent : null;
  }

  /** @param {string | null} id */
  #childrenOf(id) {
    const known = this.#children.get(id);
    if (known) return known;
    /** @type {Message[]} */
    const children = [];
    this.#children.set(id, children);
    return children;
  }
}
