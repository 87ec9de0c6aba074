/** The page's words for queued messages while they wait. Pure. */

/** @typedef {import("../conversations/queue-rules.js").QueueState} QueueState */

/** @type {Record<QueueState, {one: string, several: string}>} */
const WORDS = {
  send: { one: "Sending…", several: "Sending…" },
  answer: {
    one: "Queued. It will be sent when this answer ends.",
    several: "Queued. They will be sent one by one when this answer ends.",
  },
  reading: { one: "Queued. It will be sent when this chat has loaded.", several: "Queued. They will be sent when this chat has loaded." },
  calls: { one: "Not sent: the model waits for results.", several: "Not sent: the model waits for results." },
  failed: { one: "Not sent: the last answer failed.", several: "Not sent: the last answer failed." },
  branch: { one: "Queued in another version of this chat.", several: "Queued in another version of this chat." },
  gone: { one: "Not sent: this chat was deleted.", several: "Not sent: this chat was deleted." },
};

/**
 * @param {QueueState} state of the first queued message
 * @param {number} count
 */
export function describeQueue(state, count) {
  return count === 1 ? WORDS[state].one : WORDS[state].several;
}
