/** Changes of a temporary conversation's messages, which only this page has: in place of the server's endpoints. */

import { ApiError } from "./api-error.js";
import { MessageTree } from "./message-tree.js";

/** @typedef {import("./api.js").Message} Message */
/** @typedef {import("./open-conversation.js").OpenConversation} OpenConversation */
/** @typedef {import("./overlay.js").Branching} Branching */

export class TemporaryChanges {
  #open;
  /** @type {Map<string, Message[]>} all messages before one was deleted, by the deleted one */
  #before = new Map();

  /** @param {OpenConversation} open */
  constructor(open) {
    this.#open = open;
  }

  /** Keep which branch is shown: nothing to do, since the page shows it already. */
  async change() {}

  /**
   * @param {string} _conversation
   * @param {string} message
   * @param {import("./api.js").MessageChange} change
   */
  async changeMessage(_conversation, message, { content }) {
    this.#find(message);
    if (content === undefined) return;
    const edited = { content, edited_at: Date.now() };
    this.#open.revise(({ messages, leaf }) => ({ messages: messages.map((each) => (each.id === message ? { ...each, ...edited } : each)), leaf }));
  }

  /**
   * Delete a message and all below it. The branch beside it is shown, or the one above.
   * @param {string} _conversation
   * @param {string} message
   */
  async removeMessage(_conversation, message) {
    const { tree } = this.#open;
    const removed = this.#find(message);
    const gone = new Set(tree.all.filter(({ id }) => tree.pathTo(id).includes(removed)).map(({ id }) => id));
    const beside = tree.siblings(removed).filter(({ id }) => id !== message).at(-1);
    this.#open.revise(({ messages, leaf }) => {
      this.#before.set(message, messages);
      const shown = leaf !== null && gone.has(leaf) ? (beside ? tree.tipOf(beside.id) : removed.parent) : leaf;
      return { messages: messages.filter(({ id }) => !gone.has(id)), leaf: shown };
    });
  }

  /**
   * Put back what was deleted, in its order.
   * @param {string} _conversation
   * @param {string} message
   */
  async restoreMessage(_conversation, message) {
    const before = this.#before.get(message) ?? [];
    this.#before.delete(message);
    const known = new Set(before.map(({ id }) => id));
    this.#open.revise(({ messages }) => {
      const all = [...before, ...messages.filter(({ id }) => !known.has(id))];
      return { messages: all, leaf: new MessageTree(all).tipOf(message) };
    });
  }

  /** @returns {Promise<never>} */
  async branch() {
    throw new ApiError("A temporary chat can't be branched into a new one.");
  }

  /** @param {string} id */
  #find(id) {
    const message = this.#open.tree.find(id);
    if (!message) throw new ApiError("The message is gone.", { status: 404 });
    return message;
  }
}
