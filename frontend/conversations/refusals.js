/** Refusals of a message: the page's words for each, and whether the same message can succeed later. */

import { refusedWords } from "../rendering/error-words.js";

/** @typedef {import("../protocol/messages.js").Failure & {retryable?: boolean}} Refusal */
/** @typedef {import("../rendering/status-line.js").StatusLine} StatusLine */
/** @typedef {import("./api.js").Settings} Settings */
/** @typedef {import("./outbox.js").Parcel} Parcel */
/**
 * State that a refusal may depend on. If it changes, trying again is worthwhile.
 * @typedef {object} Asked
 * @property {string} settings key of the conversation's settings, the same for equal settings
 * @property {string} model name and context of the model; "" if unknown
 * @property {number} history length of the messages above, in UTF-16 units
 */
/**
 * @typedef {object} Standing state of the open conversation
 * @property {boolean} isConnected
 * @property {boolean} [namesModels] whether each answer names its model
 * @property {boolean} isGone whether it was deleted
 * @property {boolean} leavesOut whether the server leaves out the oldest messages if not all fit
 * @property {import("./api.js").ContextCount | null} count size of the branch in the context; null if unknown
 * @property {number} systemLength length of its system prompt, in UTF-16 units
 */
/** @typedef {Asked & Standing} Circumstances */

/** @type {Refusal} refusal of a message that was stopped before it reached the server */
export const WITHDRAWN = { code: "withdrawn", message: "Not sent", retryable: true };
/** @type {Refusal} */
export const CONVERSATION_DELETED = { code: "conversation_deleted", message: refusedWords("conversation_deleted"), retryable: false };

const figures = new Intl.NumberFormat("en");

/** Codes of refusals that repeat for the same message until a state that they depend on changes. */
const FINAL = new Set([
  "context_overflow",
  "frame_too_large",
  "bad_json",
  "bad_frame",
  "empty_prompt",
  "unsupported",
  "invalid_field",
  "missing_field",
  "unknown_field",
  "unknown_type",
  "conversation_deleted",
]);

/**
 * @param {Parcel} parcel a refused one
 * @param {Circumstances} circumstances
 * @returns {StatusLine}
 */
export function describeRefusal(parcel, circumstances) {
  const { failure } = parcel;
  if (failure?.code === WITHDRAWN.code) return { tone: "quiet", text: WITHDRAWN.message };
  if (failure?.code === "context_overflow") return { tone: "bad", text: describeOverflow(failure, whatIsTooLong(parcel, circumstances)) };
  return { tone: "bad", text: (failure && describeSchema(failure)) || refusedWords(failure?.code) };
}

/**
 * Check if the same request may succeed now.
 * @param {Parcel} parcel a refused one
 * @param {Circumstances} now
 */
export function mayHelp({ failure, asked }, now) {
  if (!failure || failure.retryable || !FINAL.has(failure.code) || !asked) return true;
  if (failure.code === "frame_too_large") return false;
  const isOtherModel = now.model !== asked.model && now.model !== "" && asked.model !== "";
  const isShorter = failure.code === "context_overflow" && !now.leavesOut && now.history < asked.history;
  return now.settings !== asked.settings || isOtherModel || isShorter;
}

/**
 * @param {Settings} settings
 * @returns {string} key that is the same for equal settings
 */
export function settingsKey(settings) {
  return hash(JSON.stringify(ordered(settings)) ?? "");
}

/**
 * Name the part of a prompt that is too long. If old messages are left out, they are not the reason.
 * @param {Parcel} parcel
 * @param {Circumstances} circumstances
 */
function whatIsTooLong({ request }, { leavesOut, systemLength }) {
  if (request.content === undefined) return "This chat";
  if (systemLength > request.content.length) return "The system prompt";
  return leavesOut || request.parent === null ? "This message" : "This chat with this message";
}

/**
 * @param {Refusal} refusal
 * @param {string} subject
 */
function describeOverflow({ message }, subject) {
  const what = `${subject} is too long`;
  const [tokens, context] = message.match(/\d+/g)?.map(Number) ?? [];
  if (!tokens || !context) return `${what} for this model.`;
  return `${what}: about ${figures.format(rounded(tokens))} tokens; this model fits ${figures.format(context)}.`;
}

/**
 * Describe the fault in the JSON schema of the settings. The user wrote the names of its parts, so they are repeated.
 * @param {Refusal} refusal
 * @returns {string} "" if the refusal has another reason
 */
function describeSchema({ message }) {
  const [, reason] = /^params\.json_schema(?::\s*|\s+)(.+)$/s.exec(message) ?? [];
  if (!reason) return "";
  const size = /\bmust be an object of up to (\d+) bytes\b/.exec(reason);
  if (size) return `The JSON schema is too large: at most ${figures.format(Number(size[1]) / 1024)} KiB. Shorten it in Settings.`;
  const begins = /\bmust\b/.test(reason) ? "The JSON schema isn't valid" : "The JSON schema can't be used";
  return `${begins}: ${withQuotedPath(reason)}. Change or clear it in Settings.`;
}

/** @param {string} reason text that begins with a path such as ".properties.a.type", with "it", or with "must" */
function withQuotedPath(reason) {
  const named = reason.replace(/^\.(\S+)/, '"$1"').replace(/^must\b/, "it must");
  return named.replace(/[.\s]+$/, "");
}

/** @param {number} count to three significant digits */
function rounded(count) {
  return Number(count.toPrecision(3));
}

/**
 * @param {unknown} value
 * @returns {unknown} value with its keys sorted and empty entries left out
 */
function ordered(value) {
  if (Array.isArray(value)) return value.map(ordered);
  if (value === null || typeof value !== "object") return value;
  const entries = Object.entries(value).map(([key, inner]) => /** @type {const} */ ([key, ordered(inner)]));
  const kept = entries.filter(([, inner]) => inner !== null && inner !== undefined && JSON.stringify(inner) !== "{}");
  return Object.fromEntries(kept.sort(([one], [other]) => (one < other ? -1 : 1)));
}

/**
 * Hash a long text (FNV-1a) to a short key: a system prompt may have 256 KiB.
 * @param {string} text
 */
function hash(text) {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  return `${text.length}-${(value >>> 0).toString(16)}`;
}
