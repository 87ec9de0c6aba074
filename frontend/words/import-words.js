/** The page's words for the outcome of an import. Pure. */

import { ApiError, reasonFor } from "../conversations/api-error.js";
import { MOST_BYTES } from "../conversations/importing.js";

/** @typedef {import("../conversations/api.js").Imported} Imported */
/** @typedef {{text: string, tone: "quiet" | "bad"}} Outcome */

const NO_EXPORT = "not a chat export";
const UNKNOWN = "its format is not known";
const HERE = "it is here already";
const DAMAGED = "it's damaged";

/** Error codes whose messages say what is wrong with the file. */
const ABOUT_THE_FILE = new Set(["bad_json", "unsupported", "invalid_field"]);

/** Beginnings of the server's messages (a test compares them), and the page's plainer words for them. */
const PLAIN = /** @type {const} */ ([
  [UNKNOWN, "unknown format"],
  [HERE, "it's already here"],
  ["it can't be read", DAMAGED],
  ["it is broken", DAMAGED],
  ["it is nested too deep", DAMAGED],
  ["JSON nested too deep", DAMAGED],
  ["message ", DAMAGED],
  ["two of its messages", DAMAGED],
  ["line ", "it's incomplete"],
  ["this is not valid ", "it's not a text file"],
  [`${NO_EXPORT}: it is not UTF-8`, "it's not a text file"],
  ["the file is not JSON", NO_EXPORT],
  ["it is not Markdown exported by StreamUI", "StreamUI didn't export it"],
  ["it has version ", "it was made by a newer StreamUI"],
  ["its system prompt has ", "its system prompt is too long"],
  ["it is encrypted", "it's encrypted"],
]);

/**
 * @param {string} name of the file
 * @param {Imported} imported
 * @returns {Outcome}
 */
export function outcome(name, { imported, skipped }) {
  if (imported.length === 0) return { text: nothing(name, skipped), tone: "bad" };
  const chats = imported.length === 1 ? "1 chat" : `${imported.length} chats`;
  return { text: `Imported ${chats} from ${name}.${describeRest(skipped)}`, tone: "quiet" };
}

/**
 * @param {string} name of the file
 * @param {unknown} error
 */
export function refusal(name, error) {
  return `Couldn't import ${name}: ${reason(error)}`;
}

/**
 * @param {string} name
 * @param {Imported["skipped"]} skipped
 */
function nothing(name, skipped) {
  const [first] = skipped;
  if (!first) return `Nothing imported: ${name} has no chats in it.`;
  const all = (/** @type {string} */ beginning) => skipped.every(({ message }) => message.startsWith(beginning));
  if (all(UNKNOWN)) return `Nothing imported from ${name}: unknown format.`;
  if (all(HERE)) return `Nothing imported from ${name}: ${skipped.length === 1 ? "this chat is" : "these chats are"} already here.`;
  return `Nothing imported from ${name}: ${describeSkipped(first)}`;
}

/** @param {Imported["skipped"]} skipped */
function describeRest(skipped) {
  const [first] = skipped;
  return first ? ` Skipped ${skipped.length}: ${describeSkipped(first)}` : "";
}

/** @param {Imported["skipped"][number]} one */
function describeSkipped({ title, message }) {
  return sentence(title ? `“${title}”: ${plain(message)}` : plain(message));
}

/** @param {unknown} error */
function reason(error) {
  if (!(error instanceof ApiError)) return "something went wrong.";
  if (error.status === 413) return `it's larger than ${MOST_BYTES / 2 ** 20} MiB.`;
  if (error.code === "busy") return "another file is being imported.";
  if (!ABOUT_THE_FILE.has(error.code)) return lowerCase(reasonFor(error));
  const [kind, remedy] = error.message.startsWith(`${NO_EXPORT}: this is `)
    ? error.message.slice(`${NO_EXPORT}: this is `.length).split("; ")
    : [];
  if (!kind) return sentence(plain(error.message));
  return sentence(`this is ${kind}, ${NO_EXPORT}${remedy ? `; ${remedy}` : ""}`);
}

/** @param {string} message of the server */
function plain(message) {
  return PLAIN.find(([beginning]) => message.startsWith(beginning))?.[1] ?? message;
}

/** @param {string} text */
function lowerCase(text) {
  return text.slice(0, 1).toLowerCase() + text.slice(1);
}

/** @param {string} text */
function sentence(text) {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
