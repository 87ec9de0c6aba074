/** Reads what makes a link in Markdown: destinations, labels, addresses. Every scan is bounded in length. */

/** The longest address, title or label, in UTF-16 units. */
const LONGEST = 2000;
const LONGEST_LABEL = 200;
const MOST_PARENTHESES = 32;

const AUTOLINK = /<([A-Za-z][A-Za-z\d+.-]{1,31}:[^\s<>]{0,2000})>/y;
const AUTOMAIL = /<([\w.!#$%&'*+/=?^`{|}~-]{1,64}@[A-Za-z\d-]{1,63}(?:\.[A-Za-z\d-]{1,63}){1,8})>/y;
const BARE = /(?:https?:\/\/|www\.)[^\s<>`]{1,2000}/iy;
const SPACES = /[ \t]*\n?[ \t]*/y;
const TITLE = /"(?:\\.|[^"\\]){0,1000}"|'(?:\\.|[^'\\]){0,1000}'|\((?:\\.|[^()\\]){0,1000}\)/sy;

/**
 * @param {string} text
 * @param {number} at where a `<` is
 */
export function scanAutolink(text, at) {
  const address = match(AUTOLINK, text, at);
  if (address) return { href: address[1] ?? "", text: address[1] ?? "", length: address[0].length };
  const mail = match(AUTOMAIL, text, at);
  return mail && { href: `mailto:${mail[1]}`, text: mail[1] ?? "", length: mail[0].length };
}

/**
 * @param {string} text
 * @param {number} at where an address may begin
 */
export function scanBareLink(text, at) {
  if (at > 0 && /[\p{L}\p{N}_/.@-]/u.test(text.charAt(at - 1))) return null;
  const found = match(BARE, text, at);
  if (!found) return null;
  const address = withoutTail(found[0]);
  if (/^(?:https?:\/\/|www\.)$/i.test(address)) return null;
  return { href: /^www/i.test(address) ? `https://${address}` : address, text: address, length: address.length };
}

/**
 * `(address "title")`.
 * @param {string} text
 * @param {number} at behind the closing bracket
 * @param {boolean} isOpen whether an address that the text's end cuts off counts
 * @returns {{href: string, title: string, length: number} | null}
 */
export function scanDestination(text, at, isOpen) {
  if (text[at] !== "(") return null;
  const start = skipSpaces(text, at + 1);
  const end = endOfAddress(text, start);
  if (end === text.length && isOpen) return { href: "", title: "", length: end - at };
  if (end === -1) return null;
  const isAngled = text[start] === "<";
  const href = unescape(isAngled ? text.slice(start + 1, end - 1) : text.slice(start, end));
  const gap = skipSpaces(text, end);
  const title = gap > end ? match(TITLE, text, gap)?.[0] : undefined;
  const close = skipSpaces(text, gap + (title?.length ?? 0));
  if (text[close] !== ")") return null;
  return { href, title: unescape(title?.slice(1, -1) ?? ""), length: close + 1 - at };
}

/**
 * `[label]`.
 * @param {string} text
 * @param {number} at behind the closing bracket
 */
export function scanLabel(text, at) {
  if (text[at] !== "[") return null;
  const end = text.indexOf("]", at);
  if (end === -1 || end - at > LONGEST_LABEL) return null;
  const label = text.slice(at + 1, end);
  return label.includes("[") || label.startsWith("^") ? null : { label, length: end + 1 - at };
}

/**
 * @param {string} label
 * @returns {string} equal for all ways to write the same label
 */
export function normalLabel(label) {
  return label.trim().replace(/\s+/g, " ").toLowerCase();
}

/**
 * @param {string} text
 * @param {number} start
 * @returns {number} behind an address, which may be empty; -1 where it has no end
 */
function endOfAddress(text, start) {
  if (text[start] === "<") {
    const end = text.indexOf(">", start);
    return end === -1 || end - start > LONGEST || /[\n<]/.test(text.slice(start + 1, end)) ? -1 : end + 1;
  }
  let depth = 0;
  for (let at = start; at < Math.min(text.length, start + LONGEST); at += 1) {
    const character = text.charAt(at);
    if (character === "\\") at += 1;
    else if (/\s/.test(character)) return at;
    else if (character === "(" && (depth += 1) > MOST_PARENTHESES) return -1;
    else if (character === ")" && (depth -= 1) < 0) return at;
  }
  return text.length - start < LONGEST ? text.length : -1;
}

/**
 * @param {string} address as it stands in a sentence
 * @returns {string} without the sentence's punctuation
 */
function withoutTail(address) {
  let end = address.length;
  for (;;) {
    const last = address.charAt(end - 1);
    if (/[?!.,:;*_~'"\]]/.test(last)) end -= 1;
    else if (last === ")" && count(address.slice(0, end), ")") > count(address.slice(0, end), "(")) end -= 1;
    else return address.slice(0, end);
  }
}

/**
 * @param {string} text
 * @param {string} character
 */
function count(text, character) {
  return text.split(character).length - 1;
}

/**
 * @param {string} text
 * @param {number} at
 */
function skipSpaces(text, at) {
  return at + (match(SPACES, text, at)?.[0].length ?? 0);
}

/** @param {string} text */
function unescape(text) {
  return text.replace(/\\([!-/:-@[-`{-~])/g, "$1").replaceAll("&amp;", "&");
}

/**
 * @param {RegExp} pattern sticky
 * @param {string} text
 * @param {number} at
 */
function match(pattern, text, at) {
  pattern.lastIndex = at;
  return pattern.exec(text);
}
