/** Files as the composer gets them. */

/**
 * @param {string} name
 * @param {string | number[] | Uint8Array} content
 * @param {string} [type]
 */
export function file(name, content, type = "") {
  return new File([typeof content === "string" ? content : Uint8Array.from(content)], name, { type });
}

/** @param {string} text each character is one byte */
export function bytes(text) {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}
