/** Size of a message in its frame, with a notice as it nears the limit. */

import { describeBytes } from "../panels/model-facts.js";

/** Room in a frame for everything but the text (names, ids, parameters), in bytes. */
const FRAME_REST = 4096;
/** Share of the limit from which the size is shown. */
const NEAR = 0.75;

/**
 * @param {string} text
 * @returns {number} size as a JSON string in UTF-8, in bytes
 */
export function messageBytes(text) {
  return new TextEncoder().encode(JSON.stringify(text)).length;
}

/**
 * @param {string} text
 * @param {number} frameBytes largest frame that the server accepts
 * @param {number} [heldBytes] size of the message's files and long pastes
 * @returns {number} remaining bytes
 */
export function roomFor(text, frameBytes, heldBytes = 0) {
  return Math.max(0, frameBytes - FRAME_REST - heldBytes - messageBytes(text));
}

/**
 * @param {string} text
 * @param {number} frameBytes largest frame that the server accepts
 * @param {number} [heldBytes] size of the message's files and long pastes
 * @returns {{words: string, isTooLong: boolean}} words: "" while there is enough room
 */
export function describeSize(text, frameBytes, heldBytes = 0) {
  const room = frameBytes - FRAME_REST;
  // A UTF-16 unit takes at most six bytes, so a short text need not be measured.
  if (heldBytes + text.length * 6 < room * NEAR) return { words: "", isTooLong: false };
  const bytes = heldBytes + messageBytes(text);
  if (bytes > room) {
    const words = `Too long to send: ${describeBytes(bytes)}, the limit is ${describeBytes(room)}. Shorten it${heldBytes > 0 ? ", or remove a file" : ""}.`;
    return { words, isTooLong: true };
  }
  const words = bytes < room * NEAR ? "" : `${describeBytes(bytes)} of ${describeBytes(room)} used`;
  return { words, isTooLong: false };
}
