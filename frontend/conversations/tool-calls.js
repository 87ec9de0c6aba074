/** Calls in answers, and the messages with their results. Pure. */

import { withoutCalls } from "./call-text.js";

/** @typedef {import("../protocol/messages.js").ToolCall} ToolCall */
/** @typedef {import("../protocol/messages.js").ToolCallPart} ToolCallPart */
/** @typedef {import("./api.js").Message} Message */
/** @typedef {import("./open-conversation.js").OpenConversation} OpenConversation */

/**
 * Add new parts to the calls of an answer.
 * @param {ToolCall[]} calls
 * @param {ToolCallPart[]} parts
 * @returns {ToolCall[]}
 */
export function withParts(calls, parts) {
  const joined = [...calls];
  for (const { index, id, function: { name, arguments: more = "" } = {} } of parts) {
    const call = joined[index];
    if (call) joined[index] = { ...call, function: { ...call.function, arguments: call.function.arguments + more } };
    else if (id !== undefined && name !== undefined) joined[index] = { id, function: { name, arguments: more } };
  }
  return joined;
}

/**
 * Return the calls of an answer, also those that are being written.
 * @param {Pick<OpenConversation, "live">} conversation
 * @param {Message} message
 * @returns {ToolCall[]}
 */
export function callsOf(conversation, { role, state, generation, tool_calls: calls = [] }) {
  if (role !== "assistant") return [];
  return (state === "writing" && generation ? conversation.live(generation)?.calls : undefined) ?? calls;
}

/**
 * Return an answer's text as the page shows it: without the calls.
 * @param {Pick<OpenConversation, "live" | "settings" | "textOf">} conversation
 * @param {Message} message
 */
export function shownText(conversation, message) {
  const text = conversation.textOf(message);
  if (message.role !== "assistant") return text;
  const hasCalls = callsOf(conversation, message).length > 0;
  const isGrowing = message.state === "writing" && (hasCalls || conversation.settings.tools !== undefined);
  return withoutCalls(text, { hasCalls, isGrowing });
}

/**
 * Return the calls at the end of a branch that have no results yet.
 * @param {Message[]} path
 * @returns {ToolCall[]}
 */
export function openCalls(path) {
  const last = path.at(-1);
  return last?.role === "assistant" && last.state !== "writing" ? (last.tool_calls ?? []) : [];
}

/**
 * Return the name of the function whose result a message has.
 * @param {Message[]} path a branch of the conversation that has the message
 * @param {Message} message of the role `tool`
 * @returns {string} "" if the answer above has no such call
 */
export function calledName(path, message) {
  const above = path.slice(0, path.indexOf(message)).findLast(({ role }) => role !== "tool");
  return above?.tool_calls?.find(({ id }) => id === message.tool_call_id)?.function.name ?? "";
}
