/**
 * Client for the conversations on the server, over HTTP. Requests that may be repeated are repeated if the network
 * fails.
 */

import { parsed } from "../guarded-storage.js";
import { wellFormed, wellFormedJson } from "../protocol/well-formed.js";
import { ROOT_PATH } from "../root-path.js";
import { ApiError } from "./api-error.js";

/** @typedef {import("../connection.js").Clock} Clock */
/** @typedef {import("../protocol/messages.js").Failure} Failure */
/** @typedef {import("../protocol/messages.js").Timings} Timings */
/** @typedef {import("../protocol/messages.js").Usage} Usage */
/** @typedef {import("../words/status-line.js").Earlier} Earlier */
/**
 * @typedef {object} Summary
 * @property {string} id
 * @property {string} title
 * @property {number} created_at milliseconds since 1970
 * @property {number} updated_at milliseconds since 1970
 * @property {boolean} pinned
 * @property {number} version grows with each change
 * @property {string[]} writing ids of the generations that are writing into it
 */
/** @typedef {{text: string, match: boolean}[]} Snippet */
/** @typedef {Summary & {snippet?: Snippet, message?: string | null}} Found message: id of the message that a search found */
/** @typedef {{system?: string, params?: Record<string, unknown>, model?: string, truncation?: "auto" | "disabled", reasoning_effort?: string, tools?: import("../protocol/messages.js").Tool[], tool_choice?: import("../protocol/messages.js").ToolChoice}} Settings */
/** @typedef {"done" | "writing" | "stopped" | "failed" | "interrupted"} MessageState */
/**
 * @typedef {object} Message
 * @property {string} id
 * @property {string | null} parent
 * @property {"user" | "assistant" | "system" | "tool"} role
 * @property {string} content while an answer is being written: its text before this generation
 * @property {number} created_at milliseconds since 1970
 * @property {MessageState} state
 * @property {string | null} generation
 * @property {string} [reason]
 * @property {Usage} [usage]
 * @property {Timings} [timings]
 * @property {"max_tokens" | "context" | null} [limit] limit that was reached, if the reason is length
 * @property {Earlier} [earlier] figures of a continued answer from before
 * @property {number[]} [thoughts] duration of each of its thoughts, in milliseconds; 0 if unknown
 * @property {string} [model]
 * @property {Failure} [error]
 * @property {number} [dropped] number of earlier messages that the model did not receive
 * @property {import("../protocol/messages.js").ToolCall[]} [tool_calls] calls in an answer
 * @property {string} [tool_call_id] of the role `tool`: the call whose result this is
 * @property {string} [summary] text that the model receives in place of this message and all above it
 * @property {number} [edited_at] time of the user's last change of its text, in milliseconds since 1970
 */
/** @typedef {Summary & {settings: Settings, leaf: string | null, messages: Message[]}} ConversationDocument */
/** @typedef {{conversations: Found[], next: string | null}} Page */
/** @typedef {{title?: string, pinned?: boolean, leaf?: string, settings?: Settings}} Change */
/**
 * Change of a message. was: the text that the user has changed; the server refuses the change if there is another by now.
 * @typedef {{summary?: string | null, content?: string, was?: string}} MessageChange
 */
/** @typedef {{id: string, restore_until: number}} Deleted */
/**
 * @typedef {object} ContextCount
 * @property {number} tokens of the prompt; more than `context` if it doesn't fit
 * @property {number} context size of the model's context in tokens, shared by prompt and answer
 * @property {number} room largest prompt that leaves room for an answer, in tokens
 * @property {number} [dropped] number of oldest messages that the model does not receive
 */
/** @typedef {{id: string, pieces: string[], steered?: import("../protocol/messages.js").Instruction[]}} GenerationText pieces: text of each event */
/** @typedef {{imported: Summary[], skipped: {index: number, title: string | null, message: string}[]}} Imported */
/** @typedef {{root?: string, method?: string, body?: unknown, type?: string, tries?: number, patience?: number}} Options */

const ROOT = `${ROOT_PATH}/api/conversations`;
const GENERATIONS = `${ROOT_PATH}/generations`;
/** Longest search text that the server uses, in characters (PROTOCOL 14.4). The rest is cut off. */
const LONGEST_QUERY = 1000;
/**
 * Number of attempts for a request that may be repeated, and the wait before the second one, in milliseconds; it
 * doubles after that.
 */
const TRIES = 3;
const FIRST_WAIT_MS = 300;
/** Time limit for one request, in milliseconds. */
const PATIENCE_MS = 20_000;
/** Time limit for an import, in milliseconds: 64 MiB over a slow line, then 100,000 messages. */
const IMPORT_PATIENCE_MS = 600_000;
/** Temporary statuses: the same request may succeed a moment later. */
const TEMPORARY = [429, 502, 503, 504];

export class ConversationsApi {
  #fetch;
  #clock;

  /**
   * @param {(url: string, request: RequestInit) => Promise<Response>} fetchFrom
   * @param {Clock} clock
   */
  constructor(fetchFrom, clock) {
    this.#fetch = fetchFrom;
    this.#clock = clock;
  }

  /**
   * @param {{before?: string | null, query?: string, limit?: number}} [which]
   * @returns {Promise<Page>} pinned conversations first, then the newest
   */
  async list({ before = null, query = "", limit = 50 } = {}) {
    const fields = new URLSearchParams({ limit: String(limit) });
    if (before !== null) fields.set("before", before);
    if (query !== "") fields.set("q", query.slice(0, LONGEST_QUERY));
    return await this.#ask(`?${fields}`);
  }

  /**
   * @param {string} id
   * @param {Settings} settings
   * @returns {Promise<ConversationDocument>} the conversation, also if it existed already
   */
  async create(id, settings) {
    return await this.#ask("", { method: "POST", body: { id, settings } });
  }

  /**
   * Copy a message and all above it into a new conversation.
   * @param {string} id of the new conversation
   * @param {{conversation: string, message: string}} branch
   * @returns {Promise<ConversationDocument>} the copy, also if it existed already
   */
  async branch(id, branch) {
    return await this.#ask("", { method: "POST", body: { id, branch } });
  }

  /**
   * @param {string} id
   * @returns {Promise<ConversationDocument>}
   */
  async read(id) {
    return await this.#ask(`/${part(id)}`);
  }

  /**
   * @param {string} id
   * @param {Change} change
   * @returns {Promise<Summary>}
   */
  async change(id, change) {
    return await this.#ask(`/${part(id)}`, { method: "PATCH", body: change });
  }

  /**
   * @param {string} id
   * @returns {Promise<Deleted>}
   */
  async remove(id) {
    return await this.#ask(`/${part(id)}`, { method: "DELETE", tries: 1 });
  }

  /**
   * @param {string} id
   * @returns {Promise<Summary>}
   */
  async restore(id) {
    return await this.#ask(`/${part(id)}/restore`, { method: "POST" });
  }

  /**
   * Read the text of each event of a generation.
   * @param {string} generation
   * @returns {Promise<GenerationText>}
   */
  async pieces(generation) {
    return await this.#ask(`/${part(generation)}?pieces=1`, { root: GENERATIONS });
  }

  /**
   * Count the tokens of the branch that ends with this message.
   * @param {string} id
   * @param {string} parent
   * @returns {Promise<ContextCount>}
   */
  async context(id, parent) {
    return await this.#ask(`/${part(id)}/context`, { method: "POST", body: { parent } });
  }

  /**
   * @param {string} id of the conversation
   * @param {string} message
   * @param {MessageChange} change
   * @returns {Promise<Summary>}
   */
  async changeMessage(id, message, change) {
    return await this.#ask(`/${part(id)}/messages/${part(message)}`, { method: "PATCH", body: change });
  }

  /**
   * Delete a message and all messages below it.
   * @param {string} id of the conversation
   * @param {string} message
   * @returns {Promise<Deleted>}
   */
  async removeMessage(id, message) {
    return await this.#ask(`/${part(id)}/messages/${part(message)}`, { method: "DELETE", tries: 1 });
  }

  /**
   * @param {string} id of the conversation
   * @param {string} message
   * @returns {Promise<ConversationDocument>}
   */
  async restoreMessage(id, message) {
    return await this.#ask(`/${part(id)}/messages/${part(message)}/restore`, { method: "POST" });
  }

  /**
   * @param {BodyInit} body a file
   * @param {import("./importing.js").ImportType} type
   * @returns {Promise<Imported>}
   */
  async import(body, type) {
    return await this.#ask("/import", { method: "POST", body, type, tries: 1, patience: IMPORT_PATIENCE_MS });
  }

  /**
   * Build the download address of one conversation, or of all if the id is null.
   * @param {string | null} id
   * @param {"json" | "markdown"} [format]
   */
  exportAddress(id, format = "json") {
    return id === null ? `${ROOT}/export` : `${ROOT}/${part(id)}/export?format=${format}`;
  }

  /**
   * @param {string} path
   * @param {Options} [options]
   * @returns {Promise<any>}
   */
  async #ask(path, options = {}) {
    const { tries = TRIES } = options;
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#askOnce(path, options);
      } catch (error) {
        if (!(error instanceof ApiError) || !error.isTemporary || attempt >= tries) throw error;
      }
      await this.#pause(FIRST_WAIT_MS * 2 ** (attempt - 1));
    }
  }

  /**
   * @param {string} path
   * @param {Options} options
   */
  async #askOnce(path, { root = ROOT, method = "GET", body, type = "application/json", patience = PATIENCE_MS }) {
    const { ok, status, text } = await this.#send(`${root}${path}`, patience, {
      method,
      cache: "no-cache",
      ...(method === "GET" ? {} : { headers: { "Content-Type": type } }),
      ...(body === undefined ? {} : { body: isRaw(body) ? body : wellFormedJson(body) }),
    });
    const answer = parsed(text);
    if (!ok) throw refusal(status, answer);
    if (answer === null) throw new ApiError("The server's answer could not be read.", { status });
    return answer;
  }

  /**
   * Send a request and read the reply. A reply that breaks off counts as none: the network failed, or the page is being
   * closed.
   * @param {string} url
   * @param {number} patience in milliseconds
   * @param {RequestInit} request
   */
  async #send(url, patience, request) {
    const deadline = new AbortController();
    const timer = this.#clock.setTimeout(() => deadline.abort(), patience);
    try {
      const response = await this.#fetch(url, { ...request, signal: deadline.signal });
      this.#clock.clearTimeout(timer); // Once it has begun, a large reply may take longer.
      return { ok: response.ok, status: response.status, text: await response.text() };
    } catch {
      throw new ApiError("The server can't be reached.", { isTemporary: true });
    } finally {
      this.#clock.clearTimeout(timer);
    }
  }

  /** @param {number} ms */
  #pause(ms) {
    return new Promise((resume) => this.#clock.setTimeout(() => resume(undefined), ms));
  }
}

/**
 * @param {number} status
 * @param {any} answer
 */
function refusal(status, answer) {
  const message = typeof answer?.message === "string" ? answer.message : `The server answered with the status ${status}.`;
  const code = typeof answer?.code === "string" ? answer.code : "";
  const isTemporary = typeof answer?.retryable === "boolean" ? answer.retryable : TEMPORARY.includes(status);
  return new ApiError(message, { code, status, isTemporary });
}

/**
 * @param {unknown} body
 * @returns {body is string | Blob}
 */
function isRaw(body) {
  return typeof body === "string" || body instanceof Blob;
}

/** @param {string} id */
function part(id) {
  return encodeURIComponent(wellFormed(id));
}
