/**
 * The messages of streamui.v1 as this page sends and reads them. PROTOCOL.md is the authority.
 * Fields and types that are not named here are ignored.
 */

/** @typedef {{role: "system" | "user" | "assistant", content: string}} Turn */

/** @typedef {Record<string, unknown>} Params how to sample; what is left out is up to the model or the server */
/** @typedef {{type: "generate", id: string, messages: Turn[], params?: Params, on_detach_ms: null}} Generate */
/** @typedef {{type: "cancel", id: string}} Cancel */
/** @typedef {{type: "attach", id: string, epoch: string, after: number}} Attach */
/** @typedef {{type: "ping", nonce: string}} Ping */
/** @typedef {{type: "status"}} StatusRequest about the server */
/** @typedef {Generate | Cancel | Attach | Ping | StatusRequest} ClientMessage */

/** @typedef {{name?: string, parameters?: number, context?: number, template?: string, architecture?: string}} ModelFacts context in tokens */
/** @typedef {{frame_bytes?: number, active?: number, queued?: number, parallel?: number}} Limits */
/** @typedef {{type: "welcome", auth?: boolean, connection?: string, model?: ModelFacts, limits?: Limits, server?: string}} Welcome */
/** @typedef {{type: "accepted", id: string, epoch: string, position?: number}} Accepted */
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
/** @typedef {{type: "pong", nonce?: string}} Pong */
/** @typedef {{type: "goodbye", code?: number, reconnect_ms?: number}} Goodbye */
/** @typedef {Accepted | Status | Token | Snapshot | Attached | Done} GenerationMessage */
/** @typedef {Welcome | GenerationMessage | ServerStatus | ErrorMessage | Pong | Goodbye} ServerMessage */

/** @type {ServerMessage["type"][]} */
export const SERVER_MESSAGE_TYPES = [
  "welcome",
  "accepted",
  "status",
  "token",
  "snapshot",
  "attached",
  "done",
  "error",
  "pong",
  "goodbye",
];

/** The name that both sides offer for this version of the contract. */
export const SUBPROTOCOL = "streamui.v1";

/**
 * An answer that goes on to its end while nobody watches (PROTOCOL 6.5): the page comes back to it, however late.
 * @param {string} id
 * @param {Turn[]} messages
 * @param {Params} [params]
 * @returns {Generate}
 */
export function generate(id, messages, params) {
  return { type: "generate", id, messages, ...(params && { params }), on_detach_ms: null };
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
 * @param {string} epoch
 * @param {number} after sequence number of the last token that was seen
 * @returns {Attach}
 */
export function attach(id, epoch, after) {
  return { type: "attach", id, epoch, after };
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
export function newGenerationId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
