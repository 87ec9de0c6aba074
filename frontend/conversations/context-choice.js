/**
 * Choices for a chat that no longer fits into the model's context, and the boundary between messages that the model
 * sees and those that it doesn't. Pure.
 */

/** @typedef {import("../rendering/boundary-view.js").Boundary} Boundary */
/** @typedef {import("./api.js").ContextCount} ContextCount */
/** @typedef {import("./api.js").Message} Message */
/** @typedef {import("./api.js").Settings} Settings */
/** @typedef {import("./outbox.js").Parcel} Parcel */

/** Tokens that must be free before the page asks for a choice, so that another short message fits. */
const LEAST_FREE = 32;

/**
 * Check if the user has to choose how to continue: the next message would make the server leave messages out or refuse,
 * and no choice was made yet. The choice to leave out the oldest messages is the setting `truncation` "auto"; before a
 * choice the setting is missing, which the server treats in the same way.
 * @param {{count: ContextCount | null, settings: Settings, path: Message[], parcels: Parcel[]}} chat
 */
export function needsChoice({ count, settings, path, parcels }) {
  if (!count || settings.truncation === "auto" || path.some(({ state }) => state === "writing")) return false;
  if (settings.truncation === undefined) return (count.dropped ?? 0) > 0 || count.tokens > count.room;
  return count.tokens > count.context - LEAST_FREE || parcels.some(({ failure }) => failure?.code === "context_overflow");
}

/**
 * Place the lines between messages that the model no longer sees and the rest, by the index of the message above each
 * line. System messages at the beginning are never left out.
 * @param {ContextCount | null} count
 * @param {Message[]} path
 * @returns {Map<number, Boundary>}
 */
export function boundariesAlong(count, path) {
  /** @type {Map<number, Boundary>} */
  const lines = new Map();
  const summarized = path.findLastIndex(({ summary }) => summary);
  const summary = path[summarized]?.summary;
  if (summary) lines.set(summarized, { text: "The model sees a summary of the messages above", summary });
  if (!count?.dropped) return lines;
  const first = path.findIndex(({ role }, index) => index > summarized && role !== "system");
  if (first >= 0) lines.set(Math.min(first + count.dropped, path.length) - 1, { text: "The model no longer sees the messages above" });
  return lines;
}

/**
 * Check if an answer that filled the context can be continued, which needs room after older messages are left out.
 * @param {ContextCount | null} count
 */
export function leavesRoom(count) {
  return count !== null && count.tokens <= count.room;
}
