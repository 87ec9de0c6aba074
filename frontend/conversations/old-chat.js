/**
 * Import of the one chat that earlier versions of the page stored in the browser. It becomes a conversation on the
 * server, once. The stored chat stays, so that a failed import loses nothing.
 */

import { wellFormedJson } from "../protocol/well-formed.js";

/** @typedef {import("../guarded-storage.js").Keeping} Keeping */
/** @typedef {import("./api.js").Imported} Imported */
/** @typedef {import("./api.js").Message} Message */
/** @typedef {{id: string, prompt: string, text: string, end: unknown, isForgotten?: boolean}} OldExchange */
export const KEY = "streamui.chat.v1";
/** Key of the stored name of the imported chat. */
export const IMPORTED_KEY = "streamui.chat.imported.v1";

/**
 * @typedef {object} OldChatParts
 * @property {Keeping} storage
 * @property {{import: (body: string, type: "application/json") => Promise<Imported>}} api
 * @property {(id: string) => Promise<string | null>} textOf text of a generation; null if the server no longer has it
 * @property {() => number} now milliseconds since 1970
 */

export class OldChat {
  #parts;

  /** @param {OldChatParts} parts */
  constructor(parts) {
    this.#parts = parts;
  }

  /**
   * @returns {Promise<Imported | null>} null if there was nothing to import, or if that failed: then the next page load
   *   tries again
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
   * Build the conversation to import. Its id is the chat's id in the browser, so that two tabs import it once.
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
 * @returns {Message[]} each below the previous one
 */
function chained(messages) {
  return messages.map((message, index) => ({ ...message, parent: messages[index - 1]?.id ?? null }));
}

/**
 * @param {any} value
 * @returns {{chat: string, exchanges: OldExchange[]} | null} null if the value was not written by the page
 */
function readChat(value) {
  if (typeof value?.chat !== "string" || !Array.isArray(value.exchanges)) return null;
  const fields = ["id", "prompt", "text"];
  const isSound = value.exchanges.every((/** @type {any} */ each) => fields.every((field) => typeof each?.[field] === "string"));
  return isSound ? value : null;
}
