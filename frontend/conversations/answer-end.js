/** What the end of a generation says about its message. Pure. */

/** @typedef {import("../protocol/messages.js").Done} Done */
/** @typedef {import("./api.js").Message} Message */
/** @typedef {import("./api.js").MessageState} MessageState */

/** @type {Record<string, MessageState>} state of an answer, by the reason of its end; failed for any other reason */
const STATES = { stop: "done", length: "done", cancelled: "stopped", interrupted: "interrupted" };

/**
 * @param {Done} done
 * @returns {Partial<Message>} fields that the end sets
 */
export function endOf({ reason, usage, timings, limit, error, tool_calls: calls }) {
  const ended = { state: STATES[reason] ?? "failed", reason, usage, timings, limit, error };
  return calls ? { ...ended, tool_calls: calls } : ended;
}
