/** The page's words for a refused message. Pure. */

import { WITHDRAWN } from "../conversations/refusals.js";
import { refusedWords } from "./error-words.js";

/** @typedef {import("../conversations/outbox.js").Parcel} Parcel */
/** @typedef {import("../conversations/refusals.js").Circumstances} Circumstances */
/** @typedef {import("../conversations/refusals.js").Refusal} Refusal */
/** @typedef {import("./status-line.js").StatusLine} StatusLine */

const figures = new Intl.NumberFormat("en");

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
