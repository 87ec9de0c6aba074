/** What stands for the server's conversations: it keeps them, and does to them what the server does. */

import { ApiError } from "../../frontend/conversations/api-error.js";

/** @typedef {import("../../frontend/conversations/api.js").Change} Change */
/** @typedef {import("../../frontend/conversations/api.js").ConversationDocument} ConversationDocument */
/** @typedef {import("../../frontend/conversations/api.js").Message} Message */
/** @typedef {import("../../frontend/conversations/api.js").Settings} Settings */
/** @typedef {import("../../frontend/protocol/messages.js").Generate} Generate */

export class FakeConversations {
  /** @type {Map<string, ConversationDocument>} */
  documents = new Map();
  /** @type {Partial<import("../../frontend/conversations/api.js").ContextCount>} counts of contexts */
  counted = {};
  /** @type {string[]} what was asked for */
  asked = [];
  /** @type {ApiError | null} what everything is answered with */
  trouble = null;

  /**
   * @param {string} id
   * @param {Partial<ConversationDocument>} [fields]
   */
  put(id, fields = {}) {
    const known = this.documents.get(id);
    const base = { id, title: id, created_at: 0, updated_at: 0, pinned: false, version: 0, writing: [], settings: {}, leaf: null, messages: [] };
    const document = { ...base, ...known, ...fields, version: (known?.version ?? 0) + 1 };
    this.documents.set(id, document);
    return document;
  }

  /**
   * A question and its answer to each pair, one under the other.
   * @param {string} id
   * @param {string[]} texts
   */
  putChat(id, texts) {
    const messages = texts.map((content, index) => message(`m${index}`, index === 0 ? null : `m${index - 1}`, content, index % 2 === 0));
    return this.put(id, { messages, leaf: messages.at(-1)?.id ?? null });
  }

  /**
   * Does what the server does with a `generate` when it takes it.
   * @param {Generate} request
   */
  take({ id, conversation, parent, content, message_id: question }) {
    const { messages } = this.#find(conversation);
    const asked = messages.find((each) => each.id === parent);
    if (content === undefined && asked?.role === "assistant") {
      return this.put(conversation, { messages: messages.map((each) => (each === asked ? { ...each, state: "writing", generation: id } : each)) });
    }
    const said = content === undefined ? [] : [message(question ?? "", parent, content, true)];
    const answer = { ...message(id, said[0]?.id ?? parent, "", false), state: /** @type {const} */ ("writing"), generation: id };
    return this.put(conversation, { messages: [...messages, ...said, answer], leaf: id });
  }

  /**
   * @param {string} id of the generation
   * @param {string} text
   * @param {Partial<Message>} [end]
   */
  end(id, text, end = { state: "done", reason: "stop" }) {
    for (const { id: conversation, messages } of this.documents.values()) {
      if (!messages.some(({ generation }) => generation === id)) continue;
      this.put(conversation, {
        messages: messages.map((each) => (each.generation === id ? { ...each, content: each.content + text, ...end } : each)),
      });
    }
  }

  /** @type {Map<string, import("../../frontend/conversations/api.js").GenerationText>} by generation */
  logs = new Map();

  /** @param {string} generation */
  async pieces(generation) {
    this.#ask(`pieces ${generation}`);
    const log = this.logs.get(generation);
    if (!log) throw new ApiError("No such generation.", { status: 404, code: "unknown_id" });
    return log;
  }

  async list() {
    this.#ask("list");
    return { conversations: [...this.documents.values()], next: null };
  }

  /**
   * @param {string} id
   * @param {Settings} settings
   */
  async create(id, settings) {
    this.#ask(`create ${id}`);
    return this.documents.get(id) ?? this.put(id, { title: "", settings });
  }

  /** @param {string} id */
  async read(id) {
    this.#ask(`read ${id}`);
    return this.#find(id);
  }

  /**
   * @param {string} id
   * @param {Change} change
   */
  async change(id, change) {
    this.#ask(`change ${id} ${JSON.stringify(change)}`);
    return this.put(id, change);
  }

  /**
   * @param {string} id
   * @param {string} changed
   * @param {import("../../frontend/conversations/api.js").MessageChange} change
   */
  async changeMessage(id, changed, { summary, content, was }) {
    this.#ask(`change ${id} ${changed}`);
    const { messages } = this.#find(id);
    const message = messages.find((each) => each.id === changed);
    if (!message) throw new ApiError("No such message.", { status: 404, code: "unknown_id" });
    if (was !== undefined && was !== message.content) throw new ApiError("It has changed.", { status: 409, code: "edit_conflict" });
    const change = content === undefined ? { summary: summary ?? "" } : { content, edited_at: 1 };
    return this.put(id, { messages: messages.map((each) => (each.id === changed ? { ...each, ...change } : each)) });
  }

  /**
   * @param {string} id
   * @param {{conversation: string, message: string}} branch
   */
  async branch(id, { conversation, message: last }) {
    this.#ask(`branch ${id} ${conversation} ${last}`);
    const { messages, title } = this.#find(conversation);
    const count = messages.findIndex((each) => each.id === last) + 1;
    return this.put(id, { title: `${title} (branch)`, messages: messages.slice(0, count), leaf: last });
  }

  /**
   * @param {string} id
   * @param {string} parent
   */
  async context(id, parent) {
    this.#ask(`context ${id} ${parent}`);
    const { version } = this.#find(id);
    return { context: 1000, room: 750, tokens: 100 * version, ...this.counted };
  }

  /** @param {string} id */
  async remove(id) {
    this.#ask(`remove ${id}`);
    this.documents.delete(id);
    return { id, restore_until: 0 };
  }

  /** @param {string} id */
  async restore(id) {
    this.#ask(`restore ${id}`);
    return this.put(id);
  }

  /**
   * @param {string} id
   * @param {string} removed
   */
  async removeMessage(id, removed) {
    this.#ask(`remove ${id} ${removed}`);
    const { messages } = this.#find(id);
    const at = messages.findIndex((each) => each.id === removed);
    this.put(id, { messages: messages.slice(0, at), leaf: messages[at - 1]?.id ?? null });
    return { id: removed, restore_until: 0 };
  }

  /**
   * @param {string} id
   * @param {string} restored
   */
  async restoreMessage(id, restored) {
    this.#ask(`restore ${id} ${restored}`);
    return this.#find(id);
  }

  /** @param {string} what */
  #ask(what) {
    this.asked.push(what);
    if (this.trouble) throw this.trouble;
  }

  /** @param {string} id */
  #find(id) {
    const document = this.documents.get(id);
    if (!document) throw new ApiError("No such conversation.", { status: 404, code: "unknown_id" });
    return document;
  }
}

/**
 * @param {string} id
 * @param {string | null} parent
 * @param {string} content
 * @param {boolean} isQuestion
 * @returns {Message}
 */
export function message(id, parent, content, isQuestion) {
  return { id, parent, role: isQuestion ? "user" : "assistant", content, created_at: 0, state: "done", generation: null };
}
