/** From a file to text that a message can hold: a fenced block under the file's name. */

import { describeBytes } from "../panels/model-facts.js";

/** @typedef {{name: string, size: number, arrayBuffer: () => Promise<ArrayBuffer>}} Source */
/** @typedef {{name: string, block: string} | {problem: string}} Taken */

/** Control characters that no text file has: all but tab, line feed, form feed, carriage return and escape. */
// eslint-disable-next-line no-control-regex
const BINARY = /[\u0000-\u0008\u000b\u000e-\u001a\u001c-\u001f]/;

/**
 * @param {Source} file
 * @param {number} room bytes that the message can still take
 * @returns {Promise<Taken>}
 */
export async function takeFile(file, room) {
  const name = shownName(file.name);
  if (file.size === 0) return { problem: `${name} is empty.` };
  if (file.size > room) return { problem: tooLarge(name, file.size, room) };
  let bytes;
  try {
    bytes = new Uint8Array(await file.arrayBuffer());
  } catch {
    return { problem: `${name} could not be read. If it is a folder, drop the files in it.` };
  }
  const text = decode(bytes);
  if (text === null) return { problem: `${name} is no text file, so the model could not read it. Save it as plain text (UTF-8).` };
  return { name, block: fencedBlock(name, text) };
}

/**
 * @param {string} name
 * @param {string} text
 * @returns {string} with a fence that is longer than any in the text
 */
export function fencedBlock(name, text) {
  const ticks = text.match(/`{3,}/g) ?? [];
  const fence = "`".repeat(Math.max(3, ...ticks.map(({ length }) => length + 1)));
  return `${name}\n${fence}${language(name)}\n${text}${text.endsWith("\n") ? "" : "\n"}${fence}\n`;
}

/**
 * @param {Uint8Array} bytes
 * @returns {string | null} with plain line feeds; null for what is no text
 */
function decode(bytes) {
  try {
    const text = new TextDecoder(encoding(bytes), { fatal: true }).decode(bytes);
    return BINARY.test(text) ? null : text.replace(/\r\n?/g, "\n");
  } catch {
    return null;
  }
}

/** @param {Uint8Array} bytes */
function encoding([first, second]) {
  if (first === 0xff && second === 0xfe) return "utf-16le";
  return first === 0xfe && second === 0xff ? "utf-16be" : "utf-8";
}

/** @param {string} name */
function language(name) {
  return /\.([a-z0-9+#]{1,12})$/i.exec(name)?.[1]?.toLowerCase() ?? "";
}

/** @param {string} name */
function shownName(name) {
  const oneLine = name.replace(/\s+/g, " ").replaceAll("`", "'").trim();
  return oneLine.length > 100 ? `${oneLine.slice(0, 60)}…${oneLine.slice(-30)}` : oneLine || "The file";
}

/**
 * @param {string} name
 * @param {number} size
 * @param {number} room
 */
function tooLarge(name, size, room) {
  const left = room > 0 ? `has room for ${describeBytes(room)} more` : "is full";
  return `${name} has ${describeBytes(size)}, and the message ${left}. Take a part of the file.`;
}
