/** Rules for the automatic sending of queued messages. Pure. */

import { notesAlong } from "./notes.js";
import { WITHDRAWN } from "./refusals.js";
import { openCalls } from "./tool-calls.js";

/** @typedef {import("./message-tree.js").MessageTree} MessageTree */
/** @typedef {import("./notes.js").Branch} Branch */
/** @typedef {import("./outbox.js").Parcel} Parcel */
/** @typedef {import("./queue.js").Queued} Queued */
/**
 * State of a queued message. send: send now. answer: wait for the end of the answer. reading: wait until the
 * conversation is loaded. The other states wait for the user. failed: the last answer or message failed. branch:
 * another version of the chat is shown. gone: the conversation was deleted. calls: the last answer has calls without
 * results.
 * @typedef {"send" | "answer" | "reading" | "failed" | "branch" | "gone" | "calls"} QueueState
 */

/**
 * Find the state of the first queued message of a conversation. After a stopped answer it is sent: Stop ends that
 * answer only. After a failure it waits, since the next answer would most likely fail as well, or lack the text of the
 * last one.
 * @param {Queued} item
 * @param {Branch} branch that is shown now
 * @param {Parcel[]} parcels of the conversation
 * @returns {QueueState}
 */
export function queueState({ after }, branch, parcels) {
  const { tree, path } = branch;
  if (path.some(({ state }) => state === "writing")) return "answer";
  if (openCalls(path).length > 0) return "calls";
  // Another answer to the same question is enough: the first one may have failed.
  const question = tree.find(after)?.parent ?? null;
  if (question !== null && !path.some(({ id }) => id === question)) return "branch";
  // A message that was queued while the conversation was being loaded is newer than any failure in it.
  if (after === null) return "send";
  const notes = notesAlong(parcels, branch).get(path.length - 1) ?? [];
  const isRefused = notes.some(({ failure }) => failure?.code !== WITHDRAWN.code);
  const last = path.at(-1);
  return isRefused || last?.state === "failed" || last?.state === "interrupted" ? "failed" : "send";
}

/**
 * Check if a queued message is sent without the user.
 * @param {QueueState} state
 */
export function isAutomatic(state) {
  return state === "send" || state === "answer" || state === "reading";
}
