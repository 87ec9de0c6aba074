/** Conversion of a file to text that a message can contain, or to an error. */

import { fileBlock, messageFile } from "../conversations/message-files.js";
import { describeBytes } from "../panels/model-facts.js";
import { describeKind, isPdf } from "./file-kinds.js";
import { messageBytes } from "./message-size.js";
import { MAX_PDF_BYTES } from "./pdf-reader.js";
import { beginsAsText, decodeText } from "./text-encoding.js";

/**
 * @typedef {object} Source
 * @property {string} name
 * @property {number} size
 * @property {string} [type]
 * @property {() => Promise<ArrayBuffer>} arrayBuffer
 * @property {(begin: number, end: number) => {arrayBuffer: () => Promise<ArrayBuffer>}} slice
 */
/** @typedef {{text: string, remark?: string}} Read remark: sentence for the user */
/** @typedef {Read | {problem: string}} Taken */
/** @typedef {{read: (bytes: Uint8Array, room: number, signal: AbortSignal) => Promise<import("./pdf-reader.js").PdfRead>}} Pdfs */

/** Number of bytes that are read to detect the kind of a file. */
const HEAD = 4096;

/**
 * @param {Source} file
 * @param {number} room remaining room in the message, in bytes
 * @param {Pdfs} pdfs
 * @param {AbortSignal} signal aborted when the file isn't needed any more
 * @returns {Promise<Taken>}
 */
export async function takeFile(file, room, pdfs, signal) {
  const { name } = messageFile(file.name, "");
  if (file.size === 0) return { problem: `${name} is empty.` };
  try {
    const head = new Uint8Array(await file.slice(0, HEAD).arrayBuffer());
    if (isPdf(head, name)) return await textOfPdf(name, file, room, pdfs, signal);
    if (file.size > room) return { problem: beginsAsText(head) ? tooBig(name, file.size, room) : notText(name, head, file.type) };
    return textOf(name, new Uint8Array(await file.arrayBuffer()), room, file.type);
  } catch {
    return { problem: `${name} couldn't be read. If it's a folder, attach the files in it.` };
  }
}

/**
 * @param {string} name
 * @param {Source} file
 * @param {number} room
 * @param {Pdfs} pdfs
 * @param {AbortSignal} signal
 * @returns {Promise<Taken>}
 */
async function textOfPdf(name, file, room, pdfs, signal) {
  if (file.size > MAX_PDF_BYTES) return { problem: `${name} is too big (${describeBytes(file.size)}; a PDF can have ${describeBytes(MAX_PDF_BYTES)})` };
  const found = await pdfs.read(new Uint8Array(await file.arrayBuffer()), room, signal);
  if ("problem" in found) return { problem: `${name} ${found.problem}` };
  const size = messageBytes(fileBlock(messageFile(name, found.text)));
  return size > room ? { problem: `${name} has too much text (${describeBytes(room)} left)` } : found;
}

/**
 * @param {string} name
 * @param {Uint8Array} bytes
 * @param {number} room
 * @param {string} [type]
 * @returns {Taken}
 */
function textOf(name, bytes, room, type) {
  const found = decodeText(bytes);
  if (found === "unknown") return { problem: `${name} has an unknown text encoding. Save it as UTF-8.` };
  if (found === "binary" || found.text.startsWith("{\\rtf")) return { problem: notText(name, bytes, type) };
  if (found.text.trim() === "") return { problem: `${name} is empty.` };
  const size = messageBytes(fileBlock(messageFile(name, found.text)));
  if (size > room) return { problem: tooBig(name, size, room) };
  return { text: found.text, ...(found.guess ? { remark: `${name} was read as ${found.guess}. Check its accents.` } : {}) };
}

/**
 * @param {string} name
 * @param {Uint8Array} head
 * @param {string} [type]
 */
function notText(name, head, type) {
  return `${name} ${describeKind(head, name, type)}`;
}

/**
 * @param {string} name
 * @param {number} size
 * @param {number} room
 */
function tooBig(name, size, room) {
  return `${name} is too big (${describeBytes(size)}; ${describeBytes(room)} left)`;
}
