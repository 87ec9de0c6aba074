/**
 * Requests of a temporary chat: each has the whole dialogue, since the server keeps none of it (PROTOCOL 6.11). They
 * offer no functions to the model.
 */

/** @typedef {import("../conversations/open-conversation.js").OpenConversation} OpenConversation */
/** @typedef {import("../protocol/messages.js").ForkGenerate} ForkGenerate */
/** @typedef {import("../protocol/messages.js").Generate} Generate */
/** @typedef {import("../protocol/messages.js").PlainGenerate} PlainGenerate */

/**
 * Time for which an answer continues while the page has no connection, in milliseconds. After that the server cancels
 * it: nothing but this page can read it.
 */
const DETACHED_MS = 120_000;

/**
 * List the messages that the model gets, from the system prompt to a new message.
 * @param {OpenConversation} open
 * @param {string | null} parent last message of the branch
 * @param {string} [content] new message below it
 * @returns {PlainGenerate["messages"]}
 */
export function dialogueTo({ settings: { system = "" }, tree }, parent, content) {
  const above = tree.pathTo(parent).flatMap(({ role, content: text }) => (text === "" || role === "tool" ? [] : [{ role, content: text }]));
  const instructions = system.trim() === "" ? [] : [{ role: /** @type {const} */ ("system"), content: system }];
  return [...instructions, ...above, ...(content === undefined ? [] : [{ role: /** @type {const} */ ("user"), content }])];
}

/**
 * @param {Generate} request of a conversation
 * @param {OpenConversation} open
 * @returns {PlainGenerate | ForkGenerate} the same request, which needs no conversation on the server
 */
export function temporaryRequest({ type, id, parent, content, from, model, params: own }, open) {
  if (from) return { type, id, from, temporary: true, on_detach_ms: DETACHED_MS };
  const { params = {}, truncation = "auto", reasoning_effort: effort } = open.settings;
  return {
    type,
    id,
    messages: dialogueTo(open, parent, content),
    params: { ...params, ...own },
    truncation,
    temporary: true,
    on_detach_ms: DETACHED_MS,
    ...(model === undefined ? {} : { model }),
    ...(effort ? { reasoning_effort: effort } : {}),
  };
}
