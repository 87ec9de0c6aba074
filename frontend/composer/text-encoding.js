/**
 * Decoding of a file's bytes to text: UTF-8, UTF-16 with and without a byte order mark, and Western text of one byte
 * per character.
 */

/**
 * Result of decoding. guess: encoding, if the file doesn't identify it for sure; unknown: text in an unknown encoding.
 * @typedef {{text: string, guess?: string} | "binary" | "unknown"} Decoded
 */

/** Control characters that text doesn't contain: all except tab, line feed, form feed, carriage return and escape. */
// eslint-disable-next-line no-control-regex
const CONTROLS = /[\u0001-\u0008\u000b\u000e-\u001a\u001c-\u001f\u007f]/g;
/** Lowest number of characters per control character in text: output of a terminal has a few, such as backspace. */
const PER_CONTROL = 50;
/** Number of bytes examined to detect UTF-16 without a byte order mark. */
const LOOK = 4096;
/** Limits of Western text: at most a third of its bytes is not ASCII, and at most three of these follow each other. */
const ACCENTS_SHARE = 1 / 3;
const ACCENTS_RUN = 3;
/** Bytes that Windows-1252 doesn't use. */
const UNUSED = new Set([0x81, 0x8d, 0x8f, 0x90, 0x9d]);

/**
 * @param {Uint8Array} bytes
 * @returns {Decoded} text with plain line feeds
 */
export function decodeText(bytes) {
  const certain = decodeMarked(bytes) ?? decodeAs("utf-8", bytes);
  if (certain !== null) return isText(certain) ? { text: certain } : "binary";
  const western = decodeAs("windows-1252", bytes);
  if (western === null || !isText(western)) return "binary";
  return looksWestern(bytes) ? { text: western, guess: "Western (Windows-1252)" } : "unknown";
}

/**
 * Check if a file that begins with these bytes may be text. They may end in the middle of a character.
 * @param {Uint8Array} head
 */
export function beginsAsText(head) {
  return [0, 1, 2, 3].some((left) => decodeText(head.subarray(0, head.length - left)) !== "binary");
}

/**
 * Decode UTF-16, which has a byte order mark, or zeros in every other byte if its text is mostly ASCII.
 * @param {Uint8Array} bytes
 */
function decodeMarked(bytes) {
  const [first, second, third, fourth] = bytes;
  if (first === 0xff && second === 0xfe) return third === 0 && fourth === 0 ? decodeUtf32(bytes) : decodeAs("utf-16le", bytes);
  if (first === 0xfe && second === 0xff) return decodeAs("utf-16be", bytes);
  const zeros = [0, 0];
  const looked = Math.min(bytes.length, LOOK);
  for (let at = 0; at < looked; at += 1) if (bytes[at] === 0) zeros[at % 2] = (zeros[at % 2] ?? 0) + 1;
  const [even = 0, odd = 0] = zeros;
  if (bytes.length % 2 === 1 || Math.max(even, odd) < looked * 0.3) return null;
  if (even === 0) return decodeAs("utf-16le", bytes);
  return odd === 0 ? decodeAs("utf-16be", bytes) : null;
}

/** @param {Uint8Array} bytes little-endian, after the byte order mark */
function decodeUtf32(bytes) {
  if (bytes.length % 4 !== 0) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const characters = [];
  for (let at = 4; at < bytes.length; at += 4) {
    const point = view.getUint32(at, true);
    if (point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) return null;
    characters.push(String.fromCodePoint(point));
  }
  return plain(characters.join(""));
}

/**
 * @param {string} encoding
 * @param {Uint8Array} bytes
 */
function decodeAs(encoding, bytes) {
  try {
    return plain(new TextDecoder(encoding, { fatal: true }).decode(bytes));
  } catch {
    return null;
  }
}

/** @param {string} text */
function isText(text) {
  return !text.includes("\0") && (text.match(CONTROLS)?.length ?? 0) * PER_CONTROL <= text.length;
}

/**
 * Check for Western text, where accented letters occur alone between ASCII letters. In Japanese, Chinese, Russian or
 * Greek files such bytes occur in sequences.
 * @param {Uint8Array} bytes
 */
function looksWestern(bytes) {
  let [accents, row] = [0, 0];
  for (const byte of bytes) {
    if (UNUSED.has(byte)) return false;
    row = byte < 0x80 ? 0 : row + 1;
    if (row > ACCENTS_RUN) return false;
    if (row > 0) accents += 1;
  }
  return accents <= bytes.length * ACCENTS_SHARE;
}

/**
 * Remove the character that ends a DOS text, and normalize the line ends.
 * @param {string} text
 */
function plain(text) {
  return (text.endsWith("\u001a") ? text.slice(0, -1) : text).replace(/\r\n?/g, "\n");
}
