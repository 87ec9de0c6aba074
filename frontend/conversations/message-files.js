/**
 * Files inside a message. A message is plain text, so each attached file is a fenced block at its end:
 *
 *     What is wrong here?
 *
 *     ```py file="one.py"
 *     print(1)
 *     ```
 *
 * The page shows such blocks as chips. docs/attachments.md describes the format.
 */

import { wellFormed } from "../protocol/well-formed.js";

/** @typedef {{name: string, text: string}} MessageFile text: ends with a line feed, and has no other line ends */
/** @typedef {{words: string, files: MessageFile[]}} MessageParts words: text that the user typed */

const OPENING = /^`+([a-z0-9+#-]{1,12}) file="([^"`\n]{1,100})"$/;
/** Longest opening line of a block without its backticks, in UTF-16 units. A longer line opens no block. */
const MAX_OPENING = 130;
/** Longest file name in a block, in UTF-16 units. A longer name loses its middle. */
const MAX_NAME = 100;
/** Control characters, line separators and marks that change the direction of text. */
const UNSEEN = /[\p{Cc}\p{Zl}\p{Zp}\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]+/gu;
/** Line ends of Windows and of old Macs. */
const FOREIGN_END = /\r\n?/g;

/**
 * @param {string} name as the operating system gives it
 * @param {string} text
 * @returns {MessageFile} file in the form that a message can contain
 */
export function messageFile(name, text) {
  const lines = text.replace(FOREIGN_END, "\n");
  return { name: fileName(name), text: lines.endsWith("\n") ? lines : `${lines}\n` };
}

/**
 * @param {string} words
 * @param {MessageFile[]} files
 * @returns {string} the message as it is sent
 */
export function joinMessage(words, files) {
  return [...(words === "" ? [] : [words]), ...files.map(fileBlock)].join("\n\n");
}

/**
 * @param {MessageFile} file
 * @returns {string} with a fence that is longer than any in the text
 */
export function fileBlock({ name, text }) {
  const longest = (text.match(/`{3,}/g) ?? []).reduce((most, { length }) => Math.max(most, length), 2);
  const fence = "`".repeat(longest + 1);
  return `${fence}${languageOf(name)} file="${name}"\n${text}${fence}`;
}

/**
 * Split a message into the user's words and the files: the inverse of `joinMessage`. Only blocks of exactly this form
 * at the very end are files.
 * @param {string} content of a message
 * @returns {MessageParts}
 */
export function splitMessage(content) {
  /** @type {MessageFile[]} */
  const files = [];
  let words = content;
  for (let block = lastBlock(words); block; block = lastBlock(words)) {
    files.unshift(block.file);
    words = words.slice(0, Math.max(0, block.begin - 2));
  }
  return { words, files };
}

/**
 * @param {string} content
 * @returns {number} number of lines; a line feed at the end begins no further line
 */
export function countLines(content) {
  if (content === "") return 0;
  let lines = 1;
  for (let at = content.indexOf("\n"); at !== -1 && at < content.length - 1; at = content.indexOf("\n", at + 1)) lines += 1;
  return lines;
}

/**
 * Find the block that ends the content. A file's text has no fence as long as its own, so the nearest such fence above
 * the end opens the block.
 * @param {string} content
 * @returns {{file: MessageFile, begin: number} | null}
 */
function lastBlock(content) {
  let end = content.length;
  while (content[end - 1] === "`") end -= 1;
  const fence = content.slice(end);
  if (fence.length < 3 || content[end - 1] !== "\n") return null;
  const begin = content.lastIndexOf(fence, end - 1);
  const isOnItsOwn = begin === 0 || (begin > 1 && content.startsWith("\n\n", begin - 2));
  if (begin === -1 || !isOnItsOwn) return null;
  const lineEnd = content.indexOf("\n", begin);
  if (lineEnd - begin > fence.length + MAX_OPENING) return null;
  const [, language, name] = OPENING.exec(content.slice(begin, lineEnd)) ?? [];
  if (name === undefined || language !== languageOf(name)) return null;
  return { file: { name, text: content.slice(lineEnd + 1, end) }, begin };
}

/** @param {string} name */
function fileName(name) {
  const seen = wellFormed(name).replace(UNSEEN, " ").replace(/["`]/g, "'").replace(/\s+/g, " ").trim() || "File";
  const characters = [...seen];
  return seen.length > MAX_NAME ? `${characters.slice(0, 30).join("")}…${characters.slice(-18).join("")}` : seen;
}

/** @param {string} name of a file */
function languageOf(name) {
  const ending = /\.([a-z0-9+#-]{1,12})$/i.exec(name)?.[1]?.toLowerCase() ?? "text";
  return ending === "pdf" ? "text" : ending;
}
