/** Marks that models put around their thinking. The server has the same table. */

/** @type {readonly (readonly [begin: string, end: string])[]} */
export const PAIRS = [
  ["<think>", "</think>"],
  ["<thinking>", "</thinking>"],
  ["<thought>", "</thought>"],
  ["<reasoning>", "</reasoning>"],
  ["<seed:think>", "</seed:think>"],
  ["<mm:think>", "</mm:think>"],
  ["<think:opensource>", "</think:opensource>"],
  ["<|begin_of_thought|>", "<|end_of_thought|>"],
  ["<|START_THINKING|>", "<|END_THINKING|>"],
  ["[THINK]", "[/THINK]"],
  ["◁think▷", "◁/think▷"],
  ["<|channel>thought", "<channel|>"],
];

/** End mark of a part, in answers whose parts have headers. */
export const PART_END = "<|end|>";

/** Longest header of a part, in UTF-16 units. */
const LONGEST_HEADER = 300;
const HEADER =
  /^(?:(?:<\|start\|>assistant[^<\n]{0,80})?<\|channel\|>([a-z]{0,20})[^<\n]{0,80}(?:<\|constrain\|>[^<\n]{0,80})?<\|message\|>|(?:<\|begin\|>assistant)?<\|(think|content)\|>)/;
const ROLE = /^(?:<\|start\|>assistant[^<\n]{0,80}|<\|begin\|>assistant)/;
const UNFINISHED = /^<\|channel\|>[^<\n]{0,100}(?:<\|constrain\|>[^<\n]{0,80})?(<[^\n]*)?$/;
/** Unfinished header at the end of a text, without a mark that is cut off. */
const LAST = /^(?:<\|start\|>(?:assistant[^<\n]{0,80})?|(?:<\|start\|>assistant[^<\n]{0,80})?<\|channel\|>[^<\n]{0,100}(?:<\|constrain\|>[^<\n]{0,80})?)$/;

/** @typedef {{length: number, isThinking: boolean}} Header */

/**
 * Read the header at the beginning of a text. gpt-oss and Solar Open write a header before each part of an answer.
 * @param {string} text
 * @param {boolean} isLast true if no more text comes
 * @returns {Header | "maybe" | null} "maybe" if more text has to decide
 */
export function headerAt(text, isLast) {
  if (!text.startsWith("<")) return null;
  const found = HEADER.exec(text);
  if (found) return { length: found[0].length, isThinking: found[1] === "analysis" || found[2] === "think" };
  if (isLast) return LAST.test(text) ? { length: text.length, isThinking: false } : null;
  return text.length < LONGEST_HEADER && mayBecomeHeader(text) ? "maybe" : null;
}

/** @param {string} text */
function mayBecomeHeader(text) {
  if (["<|start|>assistant", "<|begin|>assistant"].some((role) => role.startsWith(text))) return true;
  const rest = text.replace(ROLE, "");
  if (["<|channel|>", "<|think|>", "<|content|>"].some((mark) => mark.startsWith(rest))) return true;
  const unfinished = UNFINISHED.exec(rest);
  if (!unfinished) return false;
  return ["<|message|>", "<|constrain|>"].some((mark) => mark.startsWith(unfinished[1] ?? ""));
}
