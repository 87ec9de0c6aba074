/**
 * Size of the open conversation in the model's context. The server counts once for each version of the shown branch;
 * tokens of an answer that is being written are added here. Owns the last count. Knows nothing of the DOM.
 */

/** @typedef {import("../protocol/messages.js").Done} Done */
/** @typedef {import("./api.js").ContextCount} ContextCount */
/** @typedef {import("./open-conversation.js").OpenConversation} OpenConversation */
/**
 * @typedef {object} ContextSizeParts
 * @property {{context: (id: string, parent: string) => Promise<ContextCount>}} api
 * @property {(then: () => void) => void} whenQuiet calls back once the transcript is complete, in a pause between frames
 * @property {() => void} changed called after a count has arrived
 */

export class ContextSize {
  #parts;
  /** @type {OpenConversation | null} */
  #open = null;
  /** @type {ContextCount | null} */
  #count = null;
  /** Version and end of the branch that was counted last, or is being counted. */
  #key = "";

  /** @param {ContextSizeParts} parts */
  constructor(parts) {
    this.#parts = parts;
  }

  /** @returns {ContextCount | null} null if the chat is empty, or nothing was counted yet */
  get now() {
    return this.#count && { ...this.#count, tokens: this.#count.tokens + this.#written };
  }

  /**
   * Count again if the shown branch or its version has changed, once the page has nothing more urgent to do. Messages
   * that the server doesn't have yet are not counted.
   * @param {OpenConversation} open
   * @param {boolean} isSent whether the server has the end of the branch
   */
  look(open, isSent) {
    if (open !== this.#open) this.forget();
    this.#open = open;
    if (!open.isBegun || open.isGone) return this.forget();
    const { leaf } = open;
    if (!isSent || leaf === null) return;
    const key = `${open.version} ${leaf}`;
    if (key === this.#key) return;
    this.#key = key;
    this.#parts.whenQuiet(() => this.#ask(open, leaf, key));
  }

  /** Forget the count, so that the next look counts again: the model may have changed. */
  forget() {
    this.#key = "";
    this.#count = null;
  }

  /**
   * Use the lengths of prompt and answer that the server reports at the end, until the new version is counted.
   * @param {Done} done
   */
  finished({ id, usage }) {
    if (!this.#count || id !== this.#generation || !usage?.prompt_tokens) return;
    this.#count = { ...this.#count, tokens: usage.prompt_tokens + (usage.completion_tokens ?? 0) };
  }

  /** @returns {string | null} id of the generation that wrote the last message of the branch */
  get #generation() {
    const last = this.#open?.path.at(-1);
    return last?.generation ?? null;
  }

  /** Tokens of the answer that is being written, so far. */
  get #written() {
    const live = this.#open && this.#generation ? this.#open.live(this.#generation) : undefined;
    return live && !live.done ? live.tokens : 0;
  }

  /**
   * Count the tokens of a branch on the server. If that fails, the page shows no count.
   * @param {OpenConversation} open
   * @param {string} leaf
   * @param {string} key
   */
  async #ask(open, leaf, key) {
    const isOutdated = () => open !== this.#open || key !== this.#key;
    if (isOutdated()) return;
    const count = await this.#parts.api.context(open.id, leaf).catch(() => null);
    if (isOutdated()) return;
    this.#count = count;
    this.#parts.changed();
  }
}
