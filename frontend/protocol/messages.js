/**
 * Messages of streamui.v1 that this page sends and reads. PROTOCOL.md is the authority. Fields and types that are not
 * named here are ignored.
 */

/**
 * Request for an answer in a conversation. The server writes the answer to its end, even without a reader.
 * @typedef {object} Generate
 * @property {"generate"} type
 * @property {string} id of the generation, and of the answer's message if it is a new one
 * @property {string} conversation
 * @property {string | null} parent message above the new one; null for a new first message
 * @property {string} [content] the user's message; without it, `parent` is answered again, or continued if it is an
 *   answer
 * @property {ForkGenerate["from"]} [from] place of another answer that this one continues from; the page keeps it and
 *   sends a ForkGenerate
 * @property {ToolResult[]} [results] of all calls in the answer `parent`, in place of `content`
 * @property {Tool[]} [tools] functions that the model may call
 * @property {ToolChoice} [tool_choice] whether it has to call one, or may not; it decides without it
 * @property {string} [message_id] of the user's message
 * @property {string} [model] name of the model; that of the conversation's settings, or the server's default without it
 * @property {Record<string, unknown>} [params] sampling parameters, in place of those of the conversation's settings
 * @property {"auto" | "disabled"} [truncation] whether the oldest turns are left out if not all fit
 */
/**
 * Request for an answer to a list of messages, outside of any conversation.
 * @typedef {object} PlainGenerate
 * @property {"generate"} type
 * @property {string} id
 * @property {{role: "system" | "user" | "assistant", content: string}[]} messages
 * @property {Record<string, unknown>} [params]
 * @property {string} [model] name of the model; the server's default without it
 * @property {"auto" | "disabled"} [truncation] whether the oldest messages are left out if not all fit
 * @property {boolean} [temporary] whether the server keeps it in memory only
 * @property {number} [on_detach_ms] time for which it continues without a reader, in milliseconds
 * @property {string} [reasoning_effort]
 */
/**
 * Request for an answer that continues from a place of another one, with its prompt and parameters (PROTOCOL 6.12).
 * @typedef {object} ForkGenerate
 * @property {"generate"} type
 * @property {string} id of the generation, and of the answer's message
 * @property {{id: string, seq: number, text?: string}} from seq: number of the first event that is not taken over; text:
 *   follows what is taken over
 * @property {string} [conversation] that the answer is stored in, beside the message of the other one
 * @property {Record<string, unknown>} [params] that replace those of the other answer
 * @property {boolean} [temporary] must be true if that of the other answer is
 * @property {number} [on_detach_ms] time for which it continues without a reader, in milliseconds
 */
/** @typedef {{type?: "function", function: {name: string, description?: string, parameters?: Record<string, unknown>, strict?: boolean}}} Tool */
/** @typedef {"none" | "required" | {type: "function", function: {name: string}}} ToolChoice */
/** @typedef {{tool_call_id: string, content: string}} ToolResult */
/** @typedef {{id: string, function: {name: string, arguments: string}}} ToolCall arguments: JSON text as the model wrote it */
/** @typedef {{index: number, id?: string, function?: {name?: string, arguments?: string}}} ToolCallPart */
/** @typedef {{type: "hello", token: string}} Hello */
/** @typedef {{type: "cancel", id: string}} Cancel */
/** @typedef {{type: "attach", id: string, epoch?: string, after: number}} Attach */
/** @typedef {{type: "detach", id: string}} Detach */
/** @typedef {{type: "steer", id: string, content: string, key: string}} Steer key: makes it safe to send again */
/** @typedef {{type: "tune", id: string, params?: Record<string, unknown>, on_detach_ms?: number | null}} Tune params: sampling parameters, as in generate */
/** @typedef {{type: "alternatives", id: string, seq: number, count?: number}} AskAlternatives seq: number of the event at whose place (PROTOCOL 6.12) */
/** @typedef {{type: "watch"}} Watch */
/**
 * What the user is writing, as in a `generate`. Without fields the server forgets the earlier draft.
 * @typedef {object} Draft
 * @property {"draft"} type
 * @property {string} [conversation]
 * @property {string} [content]
 * @property {string | null} [parent]
 * @property {{role: "system" | "user" | "assistant", content: string}[]} [messages]
 * @property {string} [model]
 */
/** @typedef {{type: "ping", nonce: string}} Ping */
/** @typedef {{type: "status"}} StatusRequest for the server's status */
/** @typedef {Hello | Generate | PlainGenerate | ForkGenerate | Cancel | Attach | Detach | Steer | Tune | AskAlternatives | Watch | Draft | Ping | StatusRequest} ClientMessage */

/** @typedef {{temperature?: number, top_p?: number, top_k?: number, min_p?: number, repeat_penalty?: number}} RecommendedSampling */
/**
 * @typedef {object} ModelFacts
 * @property {string} [name]
 * @property {number} [parameters]
 * @property {number} [context] tokens
 * @property {string} [template] gguf, chatml, chosen or upstream
 * @property {string} [architecture]
 * @property {RecommendedSampling} [sampling] defaults for values that a request leaves out
 * @property {string} [title] name in its file
 * @property {string} [state] loaded, loading, on_disk or failed
 * @property {number} [needs] memory while it is loaded, in bytes
 * @property {string} [error] reason of a failure
 */
/** @typedef {{frame_bytes?: number, active?: number, queued?: number, parallel?: number}} Limits */
/**
 * A model that a request may name.
 * @typedef {object} ModelEntry
 * @property {string} name
 * @property {string} state loaded, loading, on_disk, failed, downloading, or one of a later version
 * @property {number} [context] tokens
 * @property {number} [size] of its weights, in bytes
 * @property {number} [needs] memory while it is loaded, in bytes
 * @property {number} [done] while it is loading or downloading: bytes that are here
 * @property {number} [total] while it is loading or downloading: all bytes
 * @property {string} [error] reason of a failure
 * @property {string} [title] name in its file
 * @property {string} [architecture]
 * @property {number} [parameters]
 * @property {string} [template] gguf, chatml, chosen or upstream
 * @property {RecommendedSampling} [sampling]
 * @property {string[]} [efforts] values of the setting `reasoning_effort` that change what the model does
 * @property {string[]} [features] which of tools, reasoning, steer, tune, alternatives, fork and context it has; missing: those of the welcome
 */
/**
 * @typedef {object} Welcome
 * @property {"welcome"} type
 * @property {boolean} [auth]
 * @property {string} [connection]
 * @property {ModelFacts} [model] the default one
 * @property {ModelEntry[]} [models] all of them, the default one first
 * @property {Limits} [limits]
 * @property {string} [server]
 * @property {string[]} [features] optional parts of the protocol that the server has
 */
/** @typedef {{type: "accepted", id: string, epoch: string, position?: number, dropped?: number, model?: string}} Accepted dropped: messages that did not fit */
/**
 * @typedef {object} Status
 * @property {"status"} type
 * @property {string} id
 * @property {string} state queued, loading, prefill or decode
 * @property {number} [position] number of requests ahead in the queue
 * @property {number} [eta_ms] milliseconds until it starts
 * @property {number} [done] prompt tokens read
 * @property {number} [total] prompt tokens to read
 * @property {number} [tokens_per_second]
 * @property {number} [dropped] messages that did not fit, once that is known
 * @property {string} [upstream] why the server behind this one sends no text now: away, busy, cut, reading, or another reason
 */
/**
 * Status of the whole server.
 * @typedef {object} ServerStatus
 * @property {"status"} type
 * @property {undefined} [id]
 * @property {number} [running] answers
 * @property {number} [queued] answers
 * @property {number} [tokens_per_second] of all answers together
 * @property {number} [kv_used] tokens in the KV cache
 * @property {number} [kv_tokens] tokens that the KV cache can hold
 * @property {number} [cores] processor cores on which the server may compute
 * @property {number} [busy_cores] how many of these other programs keep busy
 */
/** @typedef {{type: "token", id: string, seq: number, n?: number, text: string, tool_calls?: ToolCallPart[]}} Token */
/** @typedef {{seq: number, chars: number, content: string}} Instruction chars: number of code points of the text before it */
/** @typedef {{type: "steered", id: string, seq: number, content: string}} Steered */
/** @typedef {{type: "tuned", id: string, seq: number, params: Record<string, unknown>, on_detach_ms?: number | null}} Tuned */
/**
 * A likely token at a place of an answer.
 * @typedef {object} Alternative
 * @property {string} token text
 * @property {number} logprob 0 or less
 * @property {number[]} [bytes] UTF-8 of the token, if it is not whole code points
 * @property {boolean} [chosen] true for the token that the answer has there
 * @property {boolean} [end] true for a token with which the answer would end; no fork can begin with it
 */
/** @typedef {{type: "alternatives", id: string, seq: number, tokens: Alternative[]}} Alternatives likeliest first; the chosen one last if it is not among them */
/** @typedef {{params: Record<string, unknown>, on_detach_ms?: number | null}} TunedValues newest values of all that was tuned */
/** @typedef {{type: "snapshot", id: string, epoch: string, seq: number, text: string, steered?: Instruction[], tuned?: TunedValues, tool_calls?: ToolCall[]}} Snapshot */
/** @typedef {{type: "attached", id: string, epoch: string, recovered?: boolean, to?: number}} Attached to: newest number in the log */
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
 * @property {"max_tokens" | "context" | null} [limit] limit that was reached, if the reason is length
 * @property {Failure} [error]
 * @property {number} [dropped] messages that did not fit
 * @property {ToolCall[]} [tool_calls]
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
 * Change of one conversation.
 * @typedef {import("../conversations/api.js").Summary & {type: "conversation", deleted?: boolean}} ConversationChanged
 */
/** @typedef {{type: "pong", nonce?: string}} Pong */
/** @typedef {ModelEntry & {type: "model", deleted?: boolean, default?: boolean}} ModelChanged change of one model, or a new one */
/** @typedef {{type: "goodbye", code?: number, reconnect_ms?: number}} Goodbye */
/** @typedef {Accepted | Status | Token | Steered | Tuned | Snapshot | Attached | Done} GenerationMessage */
/** @typedef {Welcome | GenerationMessage | ServerStatus | Alternatives | ConversationChanged | ModelChanged | ErrorMessage | Pong | Goodbye} ServerMessage */

/** WebSocket subprotocol of this version, which both sides offer. */
export const SUBPROTOCOL = "streamui.v1";

/**
 * @param {string} token
 * @returns {Hello}
 */
export function hello(token) {
  return { type: "hello", token };
}

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
 * @param {string} epoch "" to accept any log that the server has
 * @param {number} after sequence number of the last token received
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
 * Build an instruction in mid-answer.
 * @param {string} id
 * @param {string} content
 * @param {string} key
 * @returns {Steer}
 */
export function steer(id, content, key) {
  return { type: "steer", id, content, key };
}

/**
 * Build a change of sampling parameters in mid-answer.
 * @param {string} id
 * @param {Record<string, unknown>} params
 * @returns {Tune}
 */
export function tune(id, params) {
  return { type: "tune", id, params };
}

/**
 * Build the request for the likeliest tokens at a place of an answer.
 * @param {string} id
 * @param {number} seq
 * @param {number} [count]
 * @returns {AskAlternatives}
 */
export function askAlternatives(id, seq, count) {
  return count === undefined ? { type: "alternatives", id, seq } : { type: "alternatives", id, seq, count };
}

/**
 * Build the request to report every changed conversation.
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
 * Parse the messages of one frame, in order. Anything other than an object with a `type` is skipped.
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
 * Read the connection's name from its `welcome`.
 * @param {string} frame
 * @returns {string}
 */
export function channelName(frame) {
  const welcome = parseFrame(frame).find(({ type }) => type === "welcome");
  return encodeURIComponent((welcome && "connection" in welcome && welcome.connection) || "");
}

/**
 * Make a unique identifier: 128 random bits as hexadecimal digits. `crypto.randomUUID` is missing on plain http from
 * another machine; `getRandomValues` is not.
 * @returns {string}
 */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
