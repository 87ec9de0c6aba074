/** Refusals of a message: what the page says about each, and whether the same message can succeed later. */

/** @typedef {import("../protocol/messages.js").Failure & {retryable?: boolean}} Refusal */
/** @typedef {import("../rendering/status-line.js").StatusLine} StatusLine */
/** @typedef {import("./api.js").Settings} Settings */
/** @typedef {import("./outbox.js").Parcel} Parcel */
/**
 * What a refusal may depend on. A change of it is a reason to try again.
 * @typedef {object} Asked
 * @property {string} settings of the conversation, in one form for equal ones
 * @property {string} model name and context; "" where it isn't known
 * @property {number} history length of the messages above, in UTF-16 units
 */
/**
 * @typedef {object} Standing state of the open conversation
 * @property {boolean} isConnected
 * @property {boolean} isGone whether it was deleted
 * @property {boolean} leavesOut whether the server leaves out the oldest messages where not all fit
 * @property {number} systemLength length of its system prompt, in UTF-16 units
 */
/** @typedef {Asked & Standing} Circumstances */

/** @type {Refusal} stopped before it reached the server */
export const WITHDRAWN = { code: "withdrawn", message: "Not sent", retryable: true };
/** @type {Refusal} */
export const CONVERSATION_DELETED = { code: "conversation_deleted", message: "This chat was deleted.", retryable: false };

const BUSY = "The server is busy. Try again in a moment.";
const UNREADABLE = "The server couldn't read this message. Edit it and send it again.";
const SETTING = "A setting of this chat isn't valid. Change it in Settings, then try again.";
const figures = new Intl.NumberFormat("en");

/**
 * `isFinal`: the same message fails again, as long as nothing that it depends on has changed.
 * @type {Record<string, {words: (refusal: Refusal, subject: string) => string, isFinal: boolean}>}
 */
const REFUSALS = {
  context_overflow: { words: describeOverflow, isFinal: true },
  frame_too_large: { words: () => "This message is too large to send. Shorten it.", isFinal: true },
  bad_json: { words: () => UNREADABLE, isFinal: true },
  bad_frame: { words: () => UNREADABLE, isFinal: true },
  empty_prompt: { words: () => "This message is empty.", isFinal: true },
  unsupported: { words: describeUnsupported, isFinal: true },
  invalid_field: { words: describeInvalid, isFinal: true },
  missing_field: { words: () => UNREADABLE, isFinal: true },
  unknown_field: { words: describeInvalid, isFinal: true },
  unknown_type: { words: () => UNREADABLE, isFinal: true },
  conversation_deleted: { words: () => CONVERSATION_DELETED.message, isFinal: true },
  unknown_id: { words: () => "The message that this one belongs to was deleted.", isFinal: false },
  id_conflict: { words: () => "This message couldn't be sent. Try again.", isFinal: false },
  unexpected_message: { words: () => "An answer above is still being written. Try again when it has ended.", isFinal: false },
  busy: { words: () => BUSY, isFinal: false },
  rate_limited: { words: () => BUSY, isFinal: false },
  engine_failed: { words: () => "The model failed. Try again.", isFinal: false },
  storage_failed: { words: () => "The server can't save chats right now. Its disk may be full.", isFinal: false },
  internal: { words: () => "Something went wrong on the server. Try again.", isFinal: false },
  connection_lost: { words: () => "The connection broke each time this message was sent. Try again.", isFinal: false },
};

/**
 * @param {Parcel} parcel a refused one
 * @param {Circumstances} circumstances
 * @returns {StatusLine}
 */
export function describeRefusal(parcel, circumstances) {
  const { failure } = parcel;
  if (failure?.code === WITHDRAWN.code) return { tone: "quiet", text: WITHDRAWN.message };
  const known = failure ? REFUSALS[failure.code] : undefined;
  const text = known && failure ? known.words(failure, whatIsTooLong(parcel, circumstances)) : `Not sent: ${failure?.message ?? "the server gave no reason"}`;
  return { tone: "bad", text };
}

/**
 * Whether the same request may succeed now.
 * @param {Parcel} parcel a refused one
 * @param {Circumstances} now
 */
export function mayHelp({ failure, asked }, now) {
  if (!failure || failure.retryable || !REFUSALS[failure.code]?.isFinal || !asked) return true;
  if (failure.code === "frame_too_large") return false;
  const isOtherModel = now.model !== asked.model && now.model !== "" && asked.model !== "";
  const isShorter = failure.code === "context_overflow" && !now.leavesOut && now.history < asked.history;
  return now.settings !== asked.settings || isOtherModel || isShorter;
}

/**
 * @param {Settings} settings
 * @returns {string} the same for settings that mean the same
 */
export function settingsKey(settings) {
  return hash(JSON.stringify(ordered(settings)) ?? "");
}

/**
 * What to blame for a prompt that doesn't fit. Where old messages are left out, these are none of the reason.
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

/** @param {Refusal} refusal */
function describeUnsupported({ message }) {
  if (message.includes("json_schema")) return "The JSON schema can't be used with this model. Change or clear it in Settings, then try again.";
  return "This model can't answer this message.";
}

/** @param {Refusal} refusal */
function describeInvalid({ message }) {
  return message.includes("json_schema") ? "The JSON schema isn't valid. Change or clear it in Settings, then try again." : SETTING;
}

/** @param {number} count to three significant digits */
function rounded(count) {
  return Number(count.toPrecision(3));
}

/**
 * @param {unknown} value
 * @returns {unknown} the same with keys in order, without those that say nothing
 */
function ordered(value) {
  if (Array.isArray(value)) return value.map(ordered);
  if (value === null || typeof value !== "object") return value;
  const entries = Object.entries(value).map(([key, inner]) => /** @type {const} */ ([key, ordered(inner)]));
  const kept = entries.filter(([, inner]) => inner !== null && inner !== undefined && JSON.stringify(inner) !== "{}");
  return Object.fromEntries(kept.sort(([one], [other]) => (one < other ? -1 : 1)));
}

/**
 * A short name for a long text (FNV-1a): settings may have a system prompt of 256 KiB.
 * @param {string} text
 */
function hash(text) {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index += 1) value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  return `${text.length}-${(value >>> 0).toString(16)}`;
}
