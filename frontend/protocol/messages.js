/**
 * The messages of streamui.v1 as this page sends and reads them. PROTOCOL.md is the authority.
 * Fields and types that are not named here are ignored.
 */

/**
 * An answer in a conversation, which the server writes into it to its end, also while nobody watches.
 * @typedef {object} Generate
 * @property {"generate"} type
 * @property {string} id of the generation, and of the answer's message where it is a new one
 * @property {string} conversation
 * @property {string | null} parent message that the new one stands under; null for a new first one
 * @property {string} [content] what the user says; left out, `parent` is answered anew, or goes on where it is an answer
 * @property {string} [message_id] of the user's message
 * @property {"auto" | "disabled"} [truncation] whether the oldest turns are left out where not all fit
 */
/**
 * An answer outside of any conversation, to a whole dialogue.
 * @typedef {object} PlainGenerate
 * @property {"generate"} type
 * @property {string} id
 * @property {{role: "system" | "user" | "assistant", content: string}[]} messages
 * @property {Record<string, unknown>} [params]
 */
/** @typedef {{type: "cancel", id: string}} Cancel */
/** @typedef {{type: "attach", id: string, epoch?: string, after: number}} Attach */
/** @typedef {{type: "detach", id: string}} Detach */
/** @typedef {{type: "watch"}} Watch */
/** @typedef {{type: "ping", nonce: string}} Ping */
/** @typedef {{type: "status"}} StatusRequest about the server */
/** @typedef {Generate | PlainGenerate | Cancel | Attach | Detach | Watch | Ping | StatusRequest} ClientMessage */

/** @typedef {{temperature?: number, top_p?: number, top_k?: number, min_p?: number, repeat_penalty?: number}} RecommendedSampling */
/**
 * @typedef {object} ModelFacts
 * @property {string} [name]
 * @property {number} [parameters]
 * @property {number} [context] tokens
 * @property {string} [template] gguf, chatml or chosen
 * @property {string} [architecture]
 * @property {RecommendedSampling} [sampling] values that apply where a request leaves them out
 */
/** @typedef {{frame_bytes?: number, active?: number, queued?: number, parallel?: number}} Limits */
/** @typedef {{type: "welcome", auth?: boolean, connection?: string, model?: ModelFacts, limits?: Limits, server?: string}} Welcome */
/** @typedef {{type: "accepted", id: string, epoch: string, position?: number, dropped?: number}} Accepted dropped: messages that did not fit */
/**
 * @typedef {object} Status
 * @property {"status"} type
 * @property {string} id
 * @property {string} state queued, loading, prefill or decode
 * @property {number} [position] how many are ahead in the queue
 * @property {number} [eta_ms] milliseconds until it starts
 * @property {number} [done] prompt tokens read
 * @property {number} [total] prompt tokens to read
 * @property {number} [tokens_per_second]
 */
/**
 * How the whole server stands.
 * @typedef {object} ServerStatus
 * @property {"status"} type
 * @property {undefined} [id]
 * @property {number} [running] answers
 * @property {number} [queued] answers
 * @property {number} [tokens_per_second] of all answers together
 * @property {number} [kv_used] tokens in the KV cache
 * @property {number} [kv_tokens] tokens that the KV cache can hold
 */
/** @typedef {{type: "token", id: string, seq: number, n?: number, text: string}} Token */
/** @typedef {{type: "snapshot", id: string, epoch: string, seq: number, text: string}} Snapshot */
/** @typedef {{type: "attached", id: string, epoch: string}} Attached */
/** @typedef {{prompt_tokens?: number, cached_tokens?: number, completion_tokens?: number}} Usage */
/** @typedef {{decode?: number, total?: number, stop?: number}} Timings milliseconds */
/** @typedef {{code: string, message: string}} Failure */
/**
 * @typedef {object} Done
 * @property {"done"} type
 * @property {string} id
 * @property {number} seq one more than the last token's
 * @property {string} reason stop, length, cancelled, failed or interrupted
 * @property {Usage} [usage]
 * @property {Timings} [timings]
 * @property {"max_tokens" | "context" | null} [limit] what was used up, for the reason length
 * @property {Failure} [error]
 */
/**
 * @typedef {object} ErrorMessage
 * @property {"error"} type
 * @property {string} [re] type of the message that it answers
 * @property {string} [id]
 * @property {string} code
 * @property {string} message
 * @property {boolean} [retryable]
 * @property {number} [retry_after_ms]
 */
/**
 * One of the conversations has changed.
 * @typedef {import("../conversations/api.js").Summary & {type: "conversation", deleted?: boolean}} ConversationChanged
 */
/** @typedef {{type: "pong", nonce?: string}} Pong */
/** @typedef {{type: "goodbye", code?: number, reconnect_ms?: number}} Goodbye */
/** @typedef {Accepted | Status | Token | Snapshot | Attached | Done} GenerationMessage */
/** @typedef {Welcome | GenerationMessage | ServerStatus | ConversationChanged | ErrorMessage | Pong | Goodbye} ServerMessage */

/** @type {ServerMessage["type"][]} */
export const SERVER_MESSAGE_TYPES = [
  "welcome",
  "accepted",
  "status",
  "token",
  "snapshot",
  "attached",
  "done",
  "conversation",
  "error",
  "pong",
  "goodbye",
];

/** The name that both sides offer for this version of the contract. */
export const SUBPROTOCOL = "streamui.v1";

/**
 * @param {Omit<Generate, "type">} fields
 * @returns {Generate}
 */
export function generate(fields) {
  return { type: "generate", ...fields };
}

/**
 * @param {string} id
 * @returns {Cancel}
 */
export function cancel(id) {
  return { type: "cancel", id };
}

/**
 * @param {string} id
 * @param {string} epoch "" for whichever log the server has
 * @param {number} after sequence number of the last token that was seen
 * @returns {Attach}
 */
export function attach(id, epoch, after) {
  return epoch === "" ? { type: "attach", id, after } : { type: "attach", id, epoch, after };
}

/**
 * @param {string} id
 * @returns {Detach}
 */
export function detach(id) {
  return { type: "detach", id };
}

/**
 * From now on the server says when a conversation has changed.
 * @returns {Watch}
 */
export function watch() {
  return { type: "watch" };
}

/**
 * @param {string} nonce
 * @returns {Ping}
 */
export function ping(nonce) {
  return { type: "ping", nonce };
}

/** @returns {StatusRequest} */
export function askStatus() {
  return { type: "status" };
}

/**
 * The messages of one frame, in order. What is no object with a `type` is left out.
 * @param {string} frame one JSON object, or several separated by newlines
 * @returns {ServerMessage[]}
 */
export function parseFrame(frame) {
  return frame.split("\n").flatMap(parseLine);
}

/**
 * @param {string} line
 * @returns {ServerMessage[]}
 */
function parseLine(line) {
  if (line.trim() === "") return [];
  try {
    const message = JSON.parse(line);
    return typeof message?.type === "string" ? [message] : [];
  } catch {
    return [];
  }
}

/**
 * What the server calls the connection that a `welcome` opens.
 * @param {string} frame
 * @returns {string}
 */
export function channelName(frame) {
  const welcome = parseFrame(frame).find(({ type }) => type === "welcome");
  return encodeURIComponent((welcome && "connection" in welcome && welcome.connection) || "");
}

/**
 * An identifier that nobody else picks: 128 random bits as hexadecimal digits.
 * `crypto.randomUUID` is missing on plain http from another machine; `getRandomValues` is not.
 * @returns {string}
 */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
