/**
 * How much of the model's context the open conversation takes. The server counts, once for each version of the branch
 * that is shown; while an answer is written its tokens are added here. Owns the last count. Knows nothing of the DOM.
 */

/** @typedef {import("../protocol/messages.js").Done} Done */
/** @typedef {import("./api.js").ContextCount} ContextCount */
/** @typedef {import("./open-conversation.js").OpenConversation} OpenConversation */
/**
 * @typedef {object} ContextSizeParts
 * @property {{context: (id: string, parent: string) => Promise<ContextCount>}} api
 * @property {() => void} changed after a count has arrived
 */

export class ContextSize {
  #parts;
  /** @type {OpenConversation | null} */
  #open = null;
  /** @type {ContextCount | null} */
  #count = null;
  /** Branch and version that were counted last, or are being counted. */
  #key = "";

  /** @param {ContextSizeParts} parts */
  constructor(parts) {
    this.#parts = parts;
  }

  /** @returns {ContextCount | null} null where nothing has been said, or nothing is known yet */
  get now() {
    return this.#count && { ...this.#count, tokens: this.#count.tokens + this.#written };
  }

  /**
   * Counts again where the branch is another one, or has another version. What isn't on the server yet is not counted.
   * @param {OpenConversation} open
   * @param {boolean} isSent whether the server has the end of the branch
   */
  look(open, isSent) {
    if (open !== this.#open) this.forget();
    this.#open = open;
    if (!open.isBegun || open.isGone) return this.forget();
    if (!isSent || open.leaf === null) return;
    const key = `${open.version} ${open.leaf}`;
    if (key === this.#key) return;
    this.#key = key;
    this.#ask(open, open.leaf, key);
  }

  /** Counts anew with the next look: the model may be another one. */
  forget() {
    this.#key = "";
    this.#count = null;
  }

  /**
   * The server says how long the prompt was and how long the answer is, before the new version is read.
   * @param {Done} done
   */
  finished({ id, usage }) {
    if (!this.#count || id !== this.#generation || !usage?.prompt_tokens) return;
    this.#count = { ...this.#count, tokens: usage.prompt_tokens + (usage.completion_tokens ?? 0) };
  }

  /** @returns {string | null} the generation that writes at the end of the branch */
  get #generation() {
    const last = this.#open?.path.at(-1);
    return last?.generation ?? null;
  }

  /** Tokens of the answer that is being written. */
  get #written() {
    const live = this.#open && this.#generation ? this.#open.live(this.#generation) : undefined;
    return live && !live.done ? live.tokens : 0;
  }

  /**
   * What can't be counted has no size: the chat works without.
   * @param {OpenConversation} open
   * @param {string} leaf
   * @param {string} key
   */
  async #ask(open, leaf, key) {
    const count = await this.#parts.api.context(open.id, leaf).catch(() => null);
    if (open !== this.#open || key !== this.#key) return;
    this.#count = count;
    this.#parts.changed();
  }
}
