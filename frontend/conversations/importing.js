/** What an import is sent as, and what the page says of its outcome. Pure. */

import { ApiError } from "./api.js";

/** @typedef {import("./api.js").Imported} Imported */
/** @typedef {"application/json" | "text/markdown" | "application/zip" | "application/jsonl" | "application/octet-stream"} ImportType */
/** @typedef {{text: string, tone: "quiet" | "bad"}} Outcome */

/** The largest file that the server takes, in bytes. */
export const MOST_BYTES = 64 * 2 ** 20;

const NO_EXPORT = "not a chat export";
const UNKNOWN = "it is of no known format";
const HERE = "it is here already";

/** @type {Record<string, ImportType>} by the end of a name; the server looks at the content itself */
const TYPES = {
  json: "application/json",
  jsonl: "application/jsonl",
  ndjson: "application/jsonl",
  md: "text/markdown",
  markdown: "text/markdown",
  zip: "application/zip",
};

/** @param {string} name of a file */
export function typeOf(name) {
  return TYPES[name.split(".").at(-1)?.toLowerCase() ?? ""] ?? "application/octet-stream";
}

/**
 * @param {string} name of the file
 * @param {Imported} imported
 * @returns {Outcome}
 */
export function outcome(name, { imported, skipped }) {
  if (imported.length === 0) return { text: nothing(name, skipped), tone: "bad" };
  const chats = imported.length === 1 ? "1 conversation" : `${imported.length} conversations`;
  return { text: `Imported ${chats} from ${name}.${left(skipped)}`, tone: "quiet" };
}

/**
 * @param {string} name of the file
 * @param {unknown} error
 */
export function refusal(name, error) {
  return `Couldn't import ${name}: ${reason(error)}`;
}

/** Whether the same file may be imported a moment later. @param {unknown} error */
export function canRetry(error) {
  return !(error instanceof ApiError) || error.isTemporary;
}

/**
 * @param {string} name
 * @param {Imported["skipped"]} skipped
 */
function nothing(name, skipped) {
  const [first] = skipped;
  if (!first) return `${name} has no conversations in it.`;
  const all = (/** @type {string} */ beginning) => skipped.every(({ message }) => message.startsWith(beginning));
  if (all(UNKNOWN)) return `Nothing imported from ${name}: unknown format.`;
  if (all(HERE)) return `Nothing imported from ${name}: ${skipped.length === 1 ? "this chat is" : "these chats are"} here already.`;
  return `Nothing imported from ${name}: ${told(first)}`;
}

/** @param {Imported["skipped"]} skipped */
function left(skipped) {
  const [first] = skipped;
  return first ? ` Skipped ${skipped.length}: ${told(first)}` : "";
}

/** @param {Imported["skipped"][number]} one */
function told({ title, message }) {
  return sentence(title ? `“${title}”: ${message}` : message);
}

/** @param {unknown} error */
function reason(error) {
  if (!(error instanceof ApiError)) return sentence(String(error));
  if (error.status === 413) return `it is larger than ${MOST_BYTES / 2 ** 20} MiB.`;
  if (error.message.startsWith("JSON nested")) return "it is nested too deep.";
  if (error.code !== "bad_json") return sentence(error.message);
  const [kind, remedy] = error.message.startsWith(`${NO_EXPORT}: this is `)
    ? error.message.slice(`${NO_EXPORT}: this is `.length).split("; ")
    : [];
  return sentence((kind ? `this is ${kind}, ${NO_EXPORT}` : NO_EXPORT) + (remedy ? `; ${remedy}` : ""));
}

/** @param {string} text */
function sentence(text) {
  return /[.!?]$/.test(text) ? text : `${text}.`;
}
