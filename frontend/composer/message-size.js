/** How much of a frame a message takes, and a word about it once it nears the limit. */

import { describeBytes } from "../panels/model-facts.js";

/** What the rest of a frame may take: names, ids, parameters. Bytes. */
const FRAME_REST = 4096;
/** From which share of the room on the size is shown. */
const NEAR = 0.75;

/**
 * @param {string} text
 * @returns {number} bytes that it takes as a JSON string in UTF-8
 */
export function messageBytes(text) {
  return new TextEncoder().encode(JSON.stringify(text)).length;
}

/**
 * @param {string} text
 * @param {number} frameBytes the server's limit
 * @param {number} [heldBytes] what the message has besides
 * @returns {number} bytes that can still be added
 */
export function roomFor(text, frameBytes, heldBytes = 0) {
  return Math.max(0, frameBytes - FRAME_REST - heldBytes - messageBytes(text));
}

/**
 * @param {string} text
 * @param {number} frameBytes the server's limit
 * @param {number} [heldBytes] what the message has besides
 * @returns {{words: string, isTooLong: boolean}} no words while there is room enough
 */
export function describeSize(text, frameBytes, heldBytes = 0) {
  const room = frameBytes - FRAME_REST;
  // No text takes more than six bytes for each UTF-16 unit, so that a short one need not be measured.
  if (heldBytes + text.length * 6 < room * NEAR) return { words: "", isTooLong: false };
  const bytes = heldBytes + messageBytes(text);
  if (bytes > room) {
    const words = `Too long to send: ${describeBytes(bytes)}, the limit is ${describeBytes(room)}. Shorten it${heldBytes > 0 ? ", or remove a file" : ""}.`;
    return { words, isTooLong: true };
  }
  const words = bytes < room * NEAR ? "" : `${describeBytes(bytes)} of ${describeBytes(room)} used`;
  return { words, isTooLong: false };
}
