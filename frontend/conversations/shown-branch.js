/** The branch that is shown, out of all messages of the open conversation. Owns the user's choice of it. */

import { MessageTree } from "./message-tree.js";

/** @typedef {import("./api.js").Message} Message */

export class ShownBranch {
  #tree = new MessageTree([]);
  /** @type {Map<string, Message>} by generation */
  #written = new Map();
  /** @type {string | null} */
  #leaf = null;
  /** @type {Message[]} */
  #path = [];
  /** @type {string | null} end of the branch that the user chose; null for the branch in the server's document */
  #chosen = null;
  /** @type {string[]} answers that are shown side by side at the end of the branch */
  #compared = [];

  get tree() {
    return this.#tree;
  }

  get leaf() {
    return this.#leaf;
  }

  /** @returns {Message[]} its messages, from the first to the last */
  get path() {
    return this.#path;
  }

  /** @returns {string[]} answers that are shown side by side at its end; empty if none are */
  get compared() {
    return this.#compared;
  }

  /** @returns {string[]} generations that are writing into it, or into an answer beside its end */
  get writing() {
    const beside = this.#compared.flatMap((id) => (id === this.#leaf ? [] : this.#tree.find(id) ?? []));
    return [...this.#path, ...beside].flatMap(generationWriting);
  }

  /** @returns {string[]} generations that are writing into any branch */
  get writingAnywhere() {
    return [...this.#written.values()].flatMap(generationWriting);
  }

  /** Its length, in UTF-16 units. */
  get length() {
    return this.#path.reduce((sum, { content }) => sum + content.length, 0);
  }

  /** @param {string} generation */
  messageOf(generation) {
    return this.#written.get(generation);
  }

  /**
   * Prefer a branch to the one in the server's document, from the next `use` on.
   * @param {string | null} leaf its end; null for none
   */
  prefer(leaf) {
    this.#chosen = leaf;
  }

  /**
   * Show these answers side by side at its end.
   * @param {string[]} answers one of them is the leaf; empty for none
   */
  compare(answers) {
    this.#compared = answers;
  }

  /**
   * Use these messages.
   * @param {ReturnType<typeof import("./steered.js").withInstructions>} branching
   */
  use({ messages, leaf, moved }) {
    this.#chosen = moved.get(this.#chosen ?? "") ?? this.#chosen;
    this.#tree = new MessageTree(messages);
    this.#written = new Map(messages.flatMap((message) => (message.generation ? [[message.generation, message]] : [])));
    const wanted = this.#tree.find(this.#chosen) ? this.#chosen : leaf;
    this.#leaf = this.#tree.find(wanted) ? wanted : this.#tree.tipOf(null);
    this.#path = this.#tree.pathTo(this.#leaf);
  }
}

/**
 * @param {Message} message
 * @returns {string[]} its generation, if that is writing
 */
function generationWriting({ state, generation }) {
  return state === "writing" && generation ? [generation] : [];
}
