/** Refusals of a message, and whether the same message can succeed later. */

import { refusedWords } from "../words/error-words.js";

/** @typedef {import("../protocol/messages.js").Failure & {retryable?: boolean}} Refusal */
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
 * @property {(model: string | undefined) => boolean} [isAway] whether the server of this model can't be reached
 * @property {boolean} [namesModels] whether each answer names its model
 * @property {boolean} [isTunable] whether parameters can be changed in mid-answer
 * @property {(generation: string) => boolean} [isExplorable] whether the server can show alternatives to an answer's tokens
 * @property {string | null} [explored] message whose tokens are shown
 * @property {boolean} isGone whether it was deleted
 * @property {boolean} [isTemporary] whether only this page has it
 * @property {boolean} leavesOut whether the server leaves out the oldest messages if not all fit
 * @property {import("./api.js").ContextCount | null} count size of the branch in the context; null if unknown
 * @property {number} systemLength length of its system prompt, in UTF-16 units
 */
/** @typedef {Asked & Standing} Circumstances */

/** @type {Refusal} refusal of a message that was stopped before it reached the server */
export const WITHDRAWN = { code: "withdrawn", message: "Not sent", retryable: true };
/** @type {Refusal} */
export const CONVERSATION_DELETED = { code: "conversation_deleted", message: refusedWords("conversation_deleted"), retryable: false };

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
