/** A conversation before the server has it. Pure. */

/**
 * @param {string} id
 * @returns {import("./api.js").ConversationDocument} document that is older than any of the server's
 */
export function emptyDocument(id) {
  return {
    id,
    title: "",
    created_at: 0,
    updated_at: 0,
    pinned: false,
    version: -1,
    writing: [],
    settings: {},
    leaf: null,
    messages: [],
  };
}
