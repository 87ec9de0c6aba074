/** Errors that the session reports itself, because the server could not. */

/** @typedef {import("./messages.js").ErrorMessage} ErrorMessage */

/** @type {ErrorMessage} */
export const TOO_BIG_ERROR = {
  type: "error",
  code: "frame_too_large",
  message: "The message is larger than the server takes at once.",
  retryable: false,
};

/** @type {ErrorMessage} */
export const UNREADABLE_ERROR = {
  type: "error",
  code: "bad_frame",
  message: "The server can't read the message.",
  retryable: false,
};

/** @type {ErrorMessage} */
export const LOST_ERROR = {
  type: "error",
  code: "connection_lost",
  message: "The connection ended each time the message was sent.",
  retryable: true,
};
