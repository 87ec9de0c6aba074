/** Failure of a request to the server, and what the user reads of it. */

import { requestWords } from "../words/error-words.js";

/** Failure of a request, with a sentence for the user as its message. */
export class ApiError extends Error {
  /** @override */
  name = "ApiError";

  /**
   * @param {string} message
   * @param {{code?: string, status?: number, isTemporary?: boolean}} [facts] status 0 if nothing answered
   */
  constructor(message, { code = "", status = 0, isTemporary = false } = {}) {
    super(message);
    this.code = code;
    this.status = status;
    this.isTemporary = isTemporary;
  }

  /**
   * True if the server was not reached: nothing or only a proxy answered. The same request can succeed when the server
   * is back.
   */
  get isOffline() {
    return this.isTemporary && this.code === "";
  }
}

/**
 * Check if the same request may succeed later.
 * @param {unknown} error
 */
export function mayPass(error) {
  return !(error instanceof ApiError) || error.isTemporary;
}

/**
 * Describe in the page's own words why a request failed.
 * @param {unknown} error
 */
export function reasonFor(error) {
  if (!(error instanceof ApiError)) return "Something went wrong. Try again.";
  if (error.code !== "") return requestWords(error.code);
  return error.status === 0 ? error.message : "The server can't do this right now.";
}
