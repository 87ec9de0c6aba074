/**
 * The one chat that earlier versions of the page kept in the browser: brought to the server once, as a conversation.
 * What is stored stays as it is, so that nothing can be lost on the way.
 */

import { wellFormedJson } from "../protocol/well-formed.js";

/** @typedef {import("../guarded-storage.js").Keeping} Keeping */
/** @typedef {import("./api.js").Imported} Imported */
/** @typedef {import("./api.js").Message} Message */
/** @typedef {{id: string, prompt: string, text: string, end: unknown, isForgotten?: boolean}} OldExchange */
export const KEY = "streamui.chat.v1";
/** Where the name of the chat stands that was brought over. */
export const IMPORTED_KEY = "streamui.chat.imported.v1";

/**
 * @typedef {object} OldChatParts
 * @property {Keeping} storage
 * @property {{import: (body: string, type: "application/json") => Promise<Imported>}} api
 * @property {(id: string) => Promise<string | null>} textOf what a generation has written, where the server still has it
 * @property {() => number} now milliseconds since 1970
 */

export class OldChat {
  #parts;

  /** @param {OldChatParts} parts */
  constructor(parts) {
    this.#parts = parts;
  }

  /**
   * @returns {Promise<Imported | null>} null where there was nothing to bring, or it can't be brought now: then the next
   *   page tries
   */
  async bring() {
    const { storage, api } = this.#parts;
    const old = readChat(storage.read(KEY));
    if (!old || old.exchanges.length === 0 || storage.read(IMPORTED_KEY) === old.chat) return null;
    try {
      const imported = await api.import(await this.#asConversation(old), "application/json");
      storage.write(IMPORTED_KEY, old.chat);
      return imported;
    } catch {
      return null;
    }
  }

  /**
   * Under the name that the chat had in the browser, so that two tabs bring it once.
   * @param {{chat: string, exchanges: OldExchange[]}} old
   */
  async #asConversation({ chat, exchanges }) {
    const texts = await Promise.all(exchanges.map((exchange) => this.#textOf(exchange)));
    const messages = chained(exchanges.flatMap((exchange, at) => messagesOf(exchange, texts[at] ?? "", this.#parts.now())));
    const at = this.#parts.now();
    const leaf = messages.at(-1)?.id ?? null;
    const conversation = { id: chat, title: "", settings: {}, messages, leaf, created_at: at, updated_at: at };
    return wellFormedJson({ ...FORMAT, conversations: [conversation] });
  }

  /** @param {OldExchange} exchange */
  async #textOf({ id, text, end }) {
    const whole = end === null ? await this.#parts.textOf(id) : null;
    return whole !== null && whole.startsWith(text) ? whole : text;
  }
}

const FORMAT = { format: "streamui.conversations", version: 1 };

/**
 * @param {OldExchange} exchange
 * @param {string} text
 * @param {number} at
 * @returns {Message[]}
 */
function messagesOf({ id, prompt }, text, at) {
  const common = { parent: null, created_at: at, state: /** @type {const} */ ("done"), generation: null };
  /** @type {Message} */
  const question = { ...common, id: `${id.slice(0, 62)}-q`, role: "user", content: prompt };
  /** @type {Message} */
  const answer = { ...common, id, role: "assistant", content: text };
  return text === "" ? [question] : [question, answer];
}

/**
 * @param {Message[]} messages
 * @returns {Message[]} each under the one before it
 */
function chained(messages) {
  return messages.map((message, index) => ({ ...message, parent: messages[index - 1]?.id ?? null }));
}

/**
 * @param {any} value
 * @returns {{chat: string, exchanges: OldExchange[]} | null} null for anything that the page has not written
 */
function readChat(value) {
  if (typeof value?.chat !== "string" || !Array.isArray(value.exchanges)) return null;
  const fields = ["id", "prompt", "text"];
  const isSound = value.exchanges.every((/** @type {any} */ each) => fields.every((field) => typeof each?.[field] === "string"));
  return isSound ? value : null;
}
