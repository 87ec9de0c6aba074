/**
 * The page's own text for every error code (PROTOCOL.md 8). The server's message is never shown, since it may contain
 * field names, ids and command line options.
 */

/**
 * Texts of one error code. `refused`: the message was not sent. `failed`: the answer broke off. `request`: another
 * request of the user failed.
 * @typedef {{refused: string, failed?: string, request?: string}} ErrorWords
 */

const BUSY = "The server is busy. Try again in a moment.";
const UNREADABLE = "The server couldn't read this message. Edit it and send it again.";
const DELETED = "It was deleted.";
const LOGGED_OUT = "You're logged out. Reload the page to log in.";
const INTERNAL = "Something went wrong on the server. Try again.";
const DISK = "The server can't save chats right now. Its disk may be full.";
const SETTING = "A setting of this chat isn't valid. Change it in Settings, then try again.";
const WRITING = "An answer above is still being written. Try again when it has ended.";
const FORBIDDEN = "You're not allowed to do this here.";
const HUB = "The hub of models didn't answer. Try again later.";
const UNNEEDED = "This answer has already ended.";

/** @type {Record<string, ErrorWords>} */
export const ERROR_WORDS = {
  bad_frame: { refused: UNREADABLE },
  bad_json: { refused: UNREADABLE },
  unknown_type: { refused: UNREADABLE },
  unknown_field: { refused: SETTING, request: "The server doesn't know one of these settings." },
  missing_field: { refused: UNREADABLE },
  invalid_field: { refused: SETTING, request: "One of the values isn't valid." },
  empty_prompt: { refused: "This message is empty." },
  unexpected_message: { refused: WRITING, request: WRITING },
  context_overflow: { refused: "This message is too long for this model.", failed: "This chat no longer fits the model." },
  unsupported: { refused: "This model can't answer this message." },
  id_conflict: { refused: "This message couldn't be sent. Try again." },
  edit_conflict: { refused: UNREADABLE, request: "It was changed on another device." },
  unknown_id: { refused: "The message that this one belongs to was deleted.", request: DELETED },
  unknown_model: { refused: "The server no longer has this model. Choose another one." },
  already_done: { refused: UNNEEDED, request: UNNEEDED },
  nothing_to_cancel: { refused: UNNEEDED, request: UNNEEDED },
  unauthorized: { refused: LOGGED_OUT, request: LOGGED_OUT },
  forbidden: { refused: FORBIDDEN, request: FORBIDDEN },
  hub_failed: { refused: HUB, request: HUB },
  busy: { refused: BUSY, request: BUSY },
  rate_limited: { refused: BUSY, request: BUSY },
  engine_failed: { refused: "The model can't answer now. Try again later.", failed: "The model failed. Try again, or ask the person who runs this server." },
  storage_failed: { refused: DISK, request: "The server can't read or save chats right now. Its disk may be full." },
  internal: { refused: INTERNAL, failed: INTERNAL, request: INTERNAL },
  // These codes are the page's own; no server sends them.
  conversation_deleted: { refused: "This chat was deleted." },
  connection_lost: { refused: "The connection broke each time this message was sent. Try again." },
  frame_too_large: { refused: "This message is too large to send. Shorten it.", request: "This is too large to send." },
};

/**
 * Return the reason why the model did not get an instruction in mid-answer.
 * @param {string} code
 */
export function unsteeredWords(code) {
  if (code === "context_overflow") return "There's no room for this in the chat any more. Stop the answer first.";
  if (code === "unsupported") return "This answer can't be steered. Send your message after it.";
  return "Your instruction didn't reach the model. Send it again.";
}

/**
 * Return the reason why an answer is written to its end with its old settings.
 * @param {string} code
 */
export function untunedWords(code) {
  if (code === "busy") return "The model is still being loaded. The new settings apply to the next answer.";
  return "This answer keeps its settings. The new ones apply to the next answer.";
}

/**
 * Return the reason why a message was not sent.
 * @param {string | undefined} code
 */
export function refusedWords(code) {
  return wordsOf(code)?.refused ?? "The server didn't accept this message.";
}

/**
 * Return the reason why an answer broke off.
 * @param {string | undefined} code
 */
export function failedWords(code) {
  return wordsOf(code)?.failed ?? "This answer failed. Try again.";
}

/**
 * Return the reason why another request failed, such as a rename.
 * @param {string} code
 */
export function requestWords(code) {
  return wordsOf(code)?.request ?? "The server couldn't do this.";
}

/** @param {string | undefined} code */
function wordsOf(code) {
  return code !== undefined && Object.hasOwn(ERROR_WORDS, code) ? ERROR_WORDS[code] : undefined;
}
