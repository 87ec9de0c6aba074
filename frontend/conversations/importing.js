/** Import of chats: the content type of a file, its largest size, and whether a retry is worthwhile. Pure. */

import { ApiError } from "./api-error.js";

/** @typedef {"application/json" | "text/markdown" | "application/zip" | "application/jsonl" | "application/octet-stream"} ImportType */

/** Largest file that the server accepts, in bytes. */
export const MOST_BYTES = 64 * 2 ** 20;

/** @type {Record<string, ImportType>} by file name extension; the server also examines the content */
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
 * Check if importing the same file may succeed a moment later.
 * @param {unknown} error
 */
export function canRetry(error) {
  return !(error instanceof ApiError) || error.isTemporary;
}
