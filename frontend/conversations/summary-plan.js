/** Plan of a summary: which messages of a branch it covers, in which parts, and the request for each part. Pure. */

/** @typedef {import("./api.js").ContextCount} ContextCount */
/** @typedef {import("./api.js").Message} Message */
/** @typedef {{role: "system" | "user" | "assistant", content: string}} Said */
/**
 * @typedef {object} Plan
 * @property {string} upto id of the last message that the summary replaces
 * @property {string} before existing summary of the messages above; "" if there is none
 * @property {Said[]} said messages to add to the summary
 * @property {number} chunk length of the first parts, in UTF-16 units
 * @property {number} maxTokens longest summary, in tokens
 */

/** Shares of the context: for the newest turns, which stay as they are, and for each part to summarize. */
const RECENT = 0.25;
const PART = 0.5;
/** Share of the context for the summary, and its bounds in tokens. */
const SUMMARY = 0.125;
const LEAST_SUMMARY = 32;
const LONGEST_SUMMARY = 512;
/** UTF-16 units per token, as a guess. The server refuses a part that is too long, which is then halved. */
const USUAL_LENGTH = 3;
/** Words per token. */
const WORDS = 0.6;

/**
 * @param {Message[]} path
 * @param {ContextCount} count
 * @returns {Plan | null} null if there is nothing to summarize
 */
export function planSummary(path, { context }) {
  const first = path.findLastIndex(({ summary }) => summary) + 1;
  const end = beforeCalls(path, recentFrom(path, first, RECENT * context * USUAL_LENGTH));
  const last = path[end - 1];
  const said = path.slice(first, end).filter(({ content }) => content.trim() !== "");
  if (!last || said.length === 0) return null;
  return {
    upto: last.id,
    before: path[first - 1]?.summary ?? "",
    said: said.map(({ role, content }) => ({ role: role === "tool" ? "user" : role, content })),
    chunk: Math.max(1, Math.floor(PART * context * USUAL_LENGTH)),
    maxTokens: Math.round(Math.min(LONGEST_SUMMARY, Math.max(LEAST_SUMMARY, SUMMARY * context))),
  };
}

/**
 * Find the first message that is not summarized: the newest turns stay, as many as there is room for. An unanswered
 * question always stays.
 * @param {Message[]} path
 * @param {number} first
 * @param {number} room in UTF-16 units
 */
function recentFrom(path, first, room) {
  const isOpen = path.at(-1)?.role === "user";
  let from = isOpen ? path.length - 1 : path.length;
  for (let index = path.length - 1; index > first; index -= 1) {
    const length = path.slice(index).reduce((sum, { content }) => sum + content.length, 0);
    if (length > room) break;
    if (path[index]?.role === "user") from = index;
  }
  return from;
}

/**
 * Keep calls together with their results: the last message of the summary is neither. The server refuses others.
 * @param {Message[]} path
 * @param {number} end
 */
function beforeCalls(path, end) {
  return path.slice(0, end).findLastIndex(({ role, tool_calls: calls }) => role !== "tool" && !calls) + 1;
}

/**
 * Split the messages into the next part to summarize and the rest. A message that is too long is split.
 * @param {Said[]} said
 * @param {number} length in UTF-16 units
 * @returns {{part: Said[], rest: Said[]}}
 */
export function nextPart(said, length) {
  const part = [];
  let room = length;
  for (const [index, message] of said.entries()) {
    if (message.content.length > room) {
      if (part.length > 0) return { part, rest: said.slice(index) };
      const [begin, end] = splitAt(message.content, length);
      return { part: [{ ...message, content: begin }], rest: [{ ...message, content: end }, ...said.slice(index + 1)] };
    }
    part.push(message);
    room -= message.content.length;
  }
  return { part, rest: [] };
}

/**
 * Build the messages that ask the model to summarize one part.
 * @param {Said[]} part
 * @param {string} before summary so far
 * @param {number} maxTokens
 * @returns {Said[]}
 */
export function summaryRequest(part, before, maxTokens) {
  const known = before === "" ? "" : `\n\nSummary of the conversation so far:\n${before}`;
  const words = Math.round(maxTokens * WORDS);
  return [
    { role: "system", content: `You write summaries of conversations.${known}` },
    ...part.map(({ role, content }) => ({ role: /** @type {Said["role"]} */ (role === "assistant" ? "assistant" : "user"), content })),
    {
      role: "user",
      content: `Summarize the whole conversation so far in at most ${words} words, in its language. Keep facts, names, numbers, decisions and open questions. Write only the summary.`,
    },
  ];
}

/**
 * Split a text in two without cutting a surrogate pair.
 * @param {string} text
 * @param {number} length
 */
function splitAt(text, length) {
  const code = text.charCodeAt(length - 1);
  const at = length > 1 && code >= 0xd800 && code < 0xdc00 ? length - 1 : Math.max(1, length);
  return /** @type {const} */ ([text.slice(0, at), text.slice(at)]);
}
