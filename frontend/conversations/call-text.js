/** The text of an answer without its calls, which the page shows as blocks of their own. Pure. */

import { PAIRS } from "../rendering/markdown/thinking-marks.js";

/** Marks around a call, as models write them. Without an end mark everything after the begin mark is a call. */
const MARKS = [
  { begin: "<tool_call>", end: "</tool_call>" },
  { begin: "[TOOL_CALLS]", end: "" },
  { begin: "<|python_tag|>", end: "" },
];
/** Part of an answer of gpt-oss that is a call: its header names a recipient. */
const HEADED = /(?:<\|start\|>assistant)?(?:<\|channel\|>[a-z]*)?[^<\n]* to=functions\.[\s\S]*?(?:<\|call\|>|<\|end\|>|$)/g;
const THOUGHTS = new RegExp(`(?:${PAIRS.map(([, end]) => end.replace(/[|[\]/]/g, "\\$&")).join("|")})`, "g");

/**
 * Leave the calls out of an answer's text. Without calls the text is returned unchanged.
 * @param {string} text
 * @param {{hasCalls: boolean, isGrowing: boolean}} state hasCalls: the server has found calls in the text; isGrowing:
 *   more text may come, also calls
 * @returns {string}
 */
export function withoutCalls(text, { hasCalls, isGrowing }) {
  if (!hasCalls && !isGrowing) return text;
  const start = replyStart(text);
  const [thoughts, reply] = [text.slice(0, start), text.slice(start)];
  if (reply.trimStart().startsWith("{")) return thoughts + withoutObjects(reply);
  const rest = MARKS.reduce(withoutMarked, hasCalls ? reply.replace(HEADED, "") : reply);
  const shown = isGrowing ? rest.slice(0, rest.length - heldLength(rest)) : rest;
  return thoughts + (isGrowing || shown !== reply ? shown.trimEnd() : reply); // a call may follow the white space
}

/**
 * Find the end of the last thought, since a thought may mention marks.
 * @param {string} text
 */
function replyStart(text) {
  const ends = [...text.matchAll(THOUGHTS)];
  const last = ends.at(-1);
  return last ? last.index + last[0].length : 0;
}

/**
 * @param {string} text
 * @param {{begin: string, end: string}} mark
 */
function withoutMarked(text, { begin, end }) {
  let rest = text;
  for (let at = rest.indexOf(begin); at >= 0; at = rest.indexOf(begin)) {
    const stop = end === "" ? -1 : rest.indexOf(end, at);
    rest = rest.slice(0, at).trimEnd() + (stop < 0 ? "" : rest.slice(stop + end.length));
  }
  return rest;
}

/**
 * Leave out the JSON objects at the beginning of a text, and what separates them.
 * @param {string} text
 */
function withoutObjects(text) {
  let at = 0;
  for (;;) {
    const rest = text.slice(at).replace(/^[\s;]+/, "");
    at = text.length - rest.length;
    if (!rest.startsWith("{")) return rest;
    at += objectLength(rest);
  }
}

/**
 * Return the length of the JSON object at the beginning of a text; of the whole text if the object has no end.
 * @param {string} text
 */
function objectLength(text) {
  let depth = 0;
  for (const { 0: piece, index } of text.matchAll(/"(?:[^"\\]|\\.)*(?:"|$)|[{}]/gs)) {
    if (piece === "{") depth += 1;
    if (piece === "}" && --depth === 0) return index + 1;
  }
  return text.length;
}

/**
 * Return the length of the longest end of a text with which a mark may begin.
 * @param {string} text
 */
function heldLength(text) {
  const longest = Math.max(...MARKS.map(({ begin }) => begin.length)) - 1;
  for (let length = Math.min(longest, text.length); length > 0; length -= 1) {
    if (MARKS.some(({ begin }) => begin.length > length && begin.startsWith(text.slice(-length)))) return length;
  }
  return 0;
}
