/** Status line of an answer: its progress, or how it ended. */

import { displayName } from "../rendering/model-name.js";
import { failedWords } from "../words/error-words.js";

/** @typedef {import("../protocol/messages.js").Done} Done */
/** @typedef {import("../protocol/messages.js").Status} Status */
/**
 * Totals of an answer's generations before its last one; for an answer that was continued.
 * @typedef {object} Earlier
 * @property {number} generations number of generations that produced tokens
 * @property {number} completion_tokens
 * @property {number} [decode] decoding time in milliseconds; missing if it is unknown for any of them
 */
/** @typedef {"busy" | "good" | "quiet" | "bad"} Tone */
/** @typedef {{tone: Tone, text: string, progress?: {value: number, max: number}}} StatusLine */

const figures = new Intl.NumberFormat("en");

/** @type {StatusLine} */
export const SENDING = { tone: "busy", text: "Sending…" };
/** @type {StatusLine} */
export const HELD = { tone: "busy", text: "Will send when reconnected" };
/** @type {StatusLine} */
export const DISCONNECTED = { tone: "busy", text: "Connection lost. The answer will continue when it's back." };
/** @type {StatusLine} */
export const AWAY = { tone: "busy", text: "Waiting for the model's server, which can't be reached" };
/** @type {StatusLine} */
export const CUT = { tone: "busy", text: "The model's server can't be reached. The answer will continue when it's back." };
/** @type {StatusLine} */
const NO_TEXT = { tone: "busy", text: "Waiting for the model's server" };
/** @type {Record<string, StatusLine>} by the reason why the model's server sends no text (PROTOCOL 5.3), before the first text */
const BEFORE_TEXT = {
  away: AWAY,
  busy: { tone: "busy", text: "Waiting for the model's server, which is busy" },
  cut: { tone: "busy", text: "Lost the connection to the model's server. Asking it again…" },
};
/** @type {Record<string, StatusLine>} the same in mid-answer */
const IN_MID_ANSWER = {
  away: CUT,
  busy: { tone: "busy", text: "The model's server is busy. The answer will continue when it's ready." },
  cut: { tone: "busy", text: "Lost the connection to the model's server. The answer will continue soon." },
  reading: { tone: "busy", text: "The model's server is reading the answer so far" },
};
/** @type {StatusLine} */
export const RESUMING = { tone: "busy", text: "Catching up…" };
/** @type {StatusLine} */
export const STOPPING = { tone: "busy", text: "Stopping…" };
/** @type {StatusLine} */
export const LOST = { tone: "bad", text: "The rest of this answer was lost" };

/**
 * @param {Status} status
 * @param {number} tokens received so far
 * @returns {StatusLine}
 */
export function describeStatus(status, tokens) {
  if (status.upstream) return (tokens > 0 ? IN_MID_ANSWER : BEFORE_TEXT)[status.upstream] ?? NO_TEXT;
  switch (status.state) {
    case "queued":
      return busy(join(queuePlace(status.position), remaining(status.eta_ms)));
    case "loading":
      return describeLoading(status);
    case "prefill":
      return describeReading(status);
    default:
      return busy(join("Writing", speed(status.tokens_per_second), tokens > 0 ? count(tokens) : ""));
  }
}

/**
 * @param {StatusLine} line of an answer whose settings were changed in mid-answer
 * @returns {StatusLine}
 */
export function withTuned(line) {
  return { ...line, text: join(line.text, "new settings") };
}

/**
 * @param {Status} status of an answer that waits for its model
 * @returns {StatusLine}
 */
function describeLoading({ done = 0, total = 0 }) {
  if (total === 0) return busy("Loading the model");
  return { ...busy(`Loading the model · ${Math.floor((100 * done) / total)} %`), progress: { value: done, max: total } };
}

/**
 * @param {Done} done
 * @param {Earlier} [earlier] for an answer that was continued
 * @returns {StatusLine}
 */
export function describeEnd(done, earlier) {
  const whole = wholeOf(done, earlier);
  switch (done.reason) {
    case "stop":
      return { tone: "good", text: join("Done", ...whole) };
    case "length":
      return describeLimit(done, whole, earlier !== undefined);
    case "cancelled":
      return { tone: "quiet", text: join("Stopped", tokensOf(done, earlier) > 0 ? count(tokensOf(done, earlier)) : "") };
    case "interrupted":
      return { tone: "bad", text: "Interrupted: the server stopped" };
    default:
      return { tone: "bad", text: failedWords(done.error?.code) };
  }
}

/**
 * Describe an end at the length limit. The number of tokens is left out if it equals the limit.
 * @param {Done} done
 * @param {string[]} whole tokens and speed, as text
 * @param {boolean} isContinued
 * @returns {StatusLine}
 */
function describeLimit({ limit, usage }, whole, isContinued) {
  const tokens = usage?.completion_tokens ?? 0;
  if (limit === "context") return { tone: "quiet", text: contextFull(usage, whole) };
  if (limit !== "max_tokens" || tokens === 0) return { tone: "quiet", text: join("Stopped at the token limit", ...whole) };
  return { tone: "quiet", text: join(`Stopped at your ${figures.format(tokens)}-token limit`, ...whole.slice(isContinued ? 0 : 1)) };
}

/**
 * Describe a full context, which holds the prompt and the answer.
 * @param {Done["usage"]} usage
 * @param {string[]} whole tokens and speed, as text
 */
function contextFull(usage, whole) {
  const tokens = (usage?.prompt_tokens ?? 0) + (usage?.completion_tokens ?? 0);
  return usage?.prompt_tokens ? join(`Context full (${count(tokens)})`, ...whole.slice(1)) : join("Context full", ...whole);
}

/**
 * @param {StatusLine | null} line
 * @param {string | undefined} model name of the model that wrote the answer, if the line names it
 * @returns {StatusLine | null}
 */
export function withModel(line, model) {
  return line && model ? { ...line, text: join(line.text, displayName(model)) } : line;
}

/**
 * @param {StatusLine | null} line
 * @param {number} dropped number of messages that were left out of the prompt
 * @returns {StatusLine | null}
 */
export function withDropped(line, dropped) {
  if (dropped === 0) return line;
  const words = dropped === 1 ? "1 earlier message left out" : `${figures.format(dropped)} earlier messages left out`;
  return { ...(line ?? { tone: "quiet" }), text: join(line?.text ?? "", words) };
}

/**
 * @param {StatusLine | null} line
 * @param {boolean} isEdited whether the user has changed the text
 * @returns {StatusLine | null}
 */
export function withEdit(line, isEdited) {
  return isEdited ? { ...(line ?? { tone: "quiet" }), text: join(line?.text ?? "", "Edited") } : line;
}

/**
 * Format a short time, such as "12 ms", "1.4 s" or "2 min 5 s".
 * @param {number} ms
 */
export function duration(ms) {
  if (ms < 1) return "less than 1 ms";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${Number((ms / 1000).toFixed(1))} s`;
  const seconds = Math.round(ms / 1000);
  return seconds < 60 ? `${seconds} s` : `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/**
 * @param {Status} status
 * @returns {StatusLine}
 */
function describeReading({ done, total }) {
  if (!total) return busy("Reading the prompt");
  const value = Math.min(done ?? 0, total);
  return {
    tone: "busy",
    text: `Reading the prompt ${figures.format(value)} / ${figures.format(total)}`,
    progress: { value, max: total },
  };
}

/** @param {number} [ahead] */
function queuePlace(ahead) {
  if (ahead === undefined) return "Queued";
  return ahead > 0 ? `Queued, ${figures.format(ahead)} ahead` : "Queued, next in line";
}

/** @param {number} [ms] */
function remaining(ms) {
  return ms === undefined || ms === null ? "" : `about ${duration(Math.max(1000, Math.round(ms / 1000) * 1000))}`;
}

/** @param {number} tokens */
function count(tokens) {
  return tokens === 1 ? "1 token" : `${figures.format(tokens)} tokens`;
}

/** @param {number | undefined} perSecond */
function speed(perSecond) {
  if (!perSecond) return "";
  return perSecond < 10 ? `${perSecond.toFixed(1)} tokens/s` : `${figures.format(Math.round(perSecond))} tokens/s`;
}

/**
 * @param {Done} done
 * @param {Earlier} [earlier]
 * @returns {string[]} tokens and speed of the whole answer, as text; empty if they are unknown
 */
function wholeOf(done, earlier) {
  return done.usage ? [count(tokensOf(done, earlier)), speed(averageSpeed(done, earlier))] : [];
}

/**
 * @param {Done} done
 * @param {Earlier} [earlier]
 */
function tokensOf({ usage }, earlier) {
  return (earlier?.completion_tokens ?? 0) + (usage?.completion_tokens ?? 0);
}

/**
 * Return the tokens per second. The first token of each generation isn't counted: the prefill comes before it.
 * @param {Done} done
 * @param {Earlier} [earlier]
 * @returns {number | undefined}
 */
function averageSpeed(done, earlier) {
  if (earlier && earlier.decode === undefined) return undefined;
  const decode = (earlier?.decode ?? 0) + (done.timings?.decode ?? 0);
  const generations = (earlier?.generations ?? 0) + (done.usage?.completion_tokens ? 1 : 0);
  const tokens = tokensOf(done, earlier) - generations;
  return decode > 0 && tokens > 0 ? (tokens / decode) * 1000 : undefined;
}

/** @param {string} text */
function busy(text) {
  return /** @type {StatusLine} */ ({ tone: "busy", text });
}

/** @param {string[]} parts */
function join(...parts) {
  return parts.filter((part) => part !== "").join(" · ");
}
