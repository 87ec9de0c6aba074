/** Scanner for links in Markdown: destinations, labels and addresses. Every scan has a length limit. */

import { isCjk } from "./cjk.js";

/** Longest address, and longest label below; in UTF-16 units. */
const LONGEST = 2000;
const LONGEST_LABEL = 999;
const MOST_PARENTHESES = 32;

const AUTOLINK = /<([A-Za-z][A-Za-z\d+.-]{1,31}:[^\s<>]{0,2000})>/y;
const AUTOMAIL = /<([\w.!#$%&'*+/=?^`{|}~-]{1,64}@[A-Za-z\d-]{1,63}(?:\.[A-Za-z\d-]{1,63}){1,8})>/y;
/** A bare address. It ends before Chinese and Japanese punctuation, and before marks of strong or deleted text. */
const BARE = /(?:https?:\/\/|www\.)(?:(?!\*\*|~~)[^\s<>`‘’“”«»\u3001-\u3003\u3008-\u3020\u3030\ufe10-\ufe19\ufe30-\ufe6f\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65]){1,2000}/iy;
const MAIL_NAME = /(?:mailto:)?[A-Za-z\d.+_-]{1,64}$/;
const MAIL_HOST = /@[A-Za-z\d_-]{1,63}(?:\.[A-Za-z\d_-]{1,63}){1,8}/y;
const SPACES = /[ \t]*\n?[ \t]*/y;
const ANGLED = /<(?:[^<>\n\\]|\\[^\n]){0,2000}>/y;
const LABEL = /\[((?:[^[\]\\]|\\[^]){0,999})\]/y;
const TITLE = /"(?:\\.|[^"\\]){0,1000}"|'(?:\\.|[^'\\]){0,1000}'|\((?:\\.|[^()\\]){0,1000}\)/sy;

/**
 * @param {string} text
 * @param {number} at offset of a `<`
 */
export function scanAutolink(text, at) {
  const address = match(AUTOLINK, text, at);
  if (address) return { href: address[1] ?? "", text: address[1] ?? "", length: address[0].length };
  const mail = match(AUTOMAIL, text, at);
  return mail && { href: `mailto:${mail[1]}`, text: mail[1] ?? "", length: mail[0].length };
}

/**
 * @param {string} text
 * @param {number} at offset where an address may begin
 * @param {boolean} isInBrackets true if the address ends before a bracket, which may end the text of a link around it
 */
export function scanBareLink(text, at, isInBrackets) {
  if (at > 0 && isWord(text.charAt(at - 1))) return null;
  const found = match(BARE, text, at)?.[0];
  if (!found) return null;
  const address = withoutTail(isInBrackets ? found.replace(/[[\]].*$/s, "") : found);
  if (/^(?:https?:\/\/|www\.)$/i.test(address)) return null;
  return { href: /^www/i.test(address) ? `https://${address}` : address, text: address, length: address.length };
}

/** Return true if a character before an address makes it part of a word. @param {string} character */
function isWord(character) {
  return /[\p{L}\p{N}_/.@-]/u.test(character) && !isCjk(character);
}

/**
 * Scan an e-mail address around its at sign.
 * @param {string} text
 * @param {number} at offset of the at sign
 * @returns {{href: string, text: string, before: number} | null} before: length of the part before the at sign
 */
export function scanBareMail(text, at) {
  const name = MAIL_NAME.exec(text.slice(Math.max(0, at - 72), at))?.[0];
  const host = name && match(MAIL_HOST, text, at)?.[0];
  if (!name || !host || /[-_]$/.test(host) || /[\w/@\\]/.test(text.charAt(at - name.length - 1))) return null;
  return { href: `mailto:${name.replace(/^mailto:/, "")}${host}`, text: name + host, before: name.length };
}

/**
 * Scan `(address "title")`; both are returned as written.
 * @param {string} text
 * @param {number} at offset after the closing bracket
 * @param {boolean} isOpen true if an address that the end of the text cuts off counts
 * @returns {{href: string, title: string, length: number, isOpen?: boolean} | null} isOpen: has no end yet
 */
export function scanDestination(text, at, isOpen) {
  if (text[at] !== "(") return null;
  const start = skipSpaces(text, at + 1);
  const end = endOfAddress(text, start);
  const open = isOpen ? { href: "", title: "", length: text.length - at, isOpen } : null;
  if (end === text.length) return open;
  if (end === -1) return /^<[^>\n]*$/.test(text.slice(start)) ? open : null;
  const gap = skipSpaces(text, end);
  const title = gap > end ? scanTitle(text, gap) : "";
  const close = skipSpaces(text, gap + title.length);
  if (close === text.length || (title === "" && gap > end && /^["'(][^\n]*$/.test(text.slice(gap)))) return open;
  if (text[close] !== ")") return null;
  return { href: addressIn(text, start, end), title: title.slice(1, -1), length: close + 1 - at };
}

/**
 * Scan `[label]: address "title"` at the beginning of a paragraph.
 * @param {string} text
 * @returns {{label: string, href: string, title: string, length: number} | null} all texts as written
 */
export function scanDefinition(text) {
  const label = scanLabel(text, 0);
  if (!label || text[label.length] !== ":") return null;
  const start = skipSpaces(text, label.length + 1);
  const end = endOfAddress(text, start);
  if (end === -1 || end === start) return null;
  const gap = skipSpaces(text, end);
  const title = gap > end ? scanTitle(text, gap) : "";
  const lineEnd = endOfBlankLine(text, gap + title.length);
  const isTitled = title !== "" && lineEnd !== -1;
  const length = isTitled ? lineEnd : endOfBlankLine(text, end);
  if (length === -1) return null;
  return { label: label.label, href: addressIn(text, start, end), title: isTitled ? title.slice(1, -1) : "", length };
}

/**
 * @param {string} text
 * @param {number} at
 * @returns {string} the title with its quotes; "" if there is none
 */
function scanTitle(text, at) {
  return match(TITLE, text, at)?.[0] ?? "";
}

/**
 * @param {string} text
 * @param {number} at
 * @returns {number} offset after the line; -1 if the rest of the line isn't blank
 */
function endOfBlankLine(text, at) {
  const found = match(/[ \t]*(?:\n|$)/y, text, at);
  return found ? at + found[0].length : -1;
}

/**
 * Scan `[label]`.
 * @param {string} text
 * @param {number} at offset of the opening bracket
 */
export function scanLabel(text, at) {
  const label = match(LABEL, text, at)?.[1];
  return label === undefined || label.startsWith("^") ? null : { label, length: label.length + 2 };
}

/**
 * @param {string} text text between two brackets
 * @returns {boolean} true if the text can be the label of a definition
 */
export function isLabel(text) {
  return text.length <= LONGEST_LABEL && /[^ \t\n]/.test(text) && /^(?:[^[\]\\]|\\[^])*$/.test(text);
}

/**
 * @param {string} label
 * @returns {string} normal form, equal for all spellings of the same label
 */
export function normalLabel(label) {
  return label.trim().replace(/\s+/g, " ").toLowerCase().toUpperCase();
}

/**
 * @param {string} text
 * @param {number} start
 * @returns {number} offset after an address, which may be empty; -1 if the address has no end
 */
function endOfAddress(text, start) {
  if (text[start] === "<") {
    const found = match(ANGLED, text, start);
    return found ? start + found[0].length : -1;
  }
  let depth = 0;
  for (let at = start; at < Math.min(text.length, start + LONGEST); at += 1) {
    const character = text.charAt(at);
    if (character === "\\" && text.charAt(at + 1) > " ") at += 1;
    else if (character <= " ") return /[ \t\n]/.test(character) ? at : -1;
    else if (character === "(" && (depth += 1) > MOST_PARENTHESES) return -1;
    else if (character === ")" && (depth -= 1) < 0) return at;
  }
  return text.length - start < LONGEST ? text.length : -1;
}

/**
 * @param {string} text
 * @param {number} start
 * @param {number} end
 */
function addressIn(text, start, end) {
  return text[start] === "<" ? text.slice(start + 1, end - 1) : text.slice(start, end);
}

/**
 * @param {string} address address at the end of a phrase
 * @returns {string} the address without the phrase's punctuation
 */
function withoutTail(address) {
  let end = address.length;
  for (;;) {
    const last = address.charAt(end - 1);
    const entity = last === ";" ? /&[A-Za-z\d]+;$/.exec(address.slice(0, end)) : null;
    if (entity) end = entity.index;
    else if (/[?!.,:;*_~'"\]]/.test(last)) end -= 1;
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

/**
 * @param {RegExp} pattern sticky pattern
 * @param {string} text
 * @param {number} at
 */
function match(pattern, text, at) {
  pattern.lastIndex = at;
  return pattern.exec(text);
}
