/** The message that lets the server read ahead what the user is writing (PROTOCOL 4.10). */

import { dialogueTo } from "./temporary-requests.js";

/** @typedef {import("../protocol/messages.js").Draft} Draft */

/**
 * @param {import("../conversations/open-conversation.js").OpenConversation} open
 * @param {string} content
 * @param {string | undefined} model chosen for the conversation
 * @returns {Draft}
 */
export function draftMessage(open, content, model) {
  const { id, leaf, isOnServer } = open;
  const chosen = model === undefined ? {} : { model };
  if (isOnServer) return { type: "draft", conversation: id, content, parent: leaf, ...chosen };
  return { type: "draft", messages: dialogueTo(open, leaf, content), ...chosen };
}
