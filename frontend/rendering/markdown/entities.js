/** Character references such as `&amp;` and `&#8364;`. Only common names: others stay as they are written. */

const REFERENCE = /&(?:#(\d{1,7})|#[xX]([\da-fA-F]{1,6})|([A-Za-z]\w{1,9}));/y;

/** @type {Record<string, string>} */
const NAMES = {
  amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: "\u00a0", copy: "©", reg: "®", trade: "™", hellip: "…",
  mdash: "—", ndash: "–", lsquo: "‘", rsquo: "’", ldquo: "“", rdquo: "”", bull: "•", middot: "·", deg: "°",
  plusmn: "±", times: "×", divide: "÷", ne: "≠", le: "≤", ge: "≥", larr: "←", rarr: "→", uarr: "↑", darr: "↓",
  harr: "↔", euro: "€", pound: "£", yen: "¥", cent: "¢", sect: "§", para: "¶", frac12: "½", frac14: "¼", frac34: "¾",
  sup2: "²", sup3: "³", micro: "µ", infin: "∞", alpha: "α", beta: "β", gamma: "γ", delta: "δ", pi: "π",
};

/**
 * @param {string} text
 * @param {number} at where an ampersand is
 * @returns {{text: string, length: number} | null} what it stands for, and how long it is as written
 */
export function literalOf(text, at) {
  REFERENCE.lastIndex = at;
  const found = REFERENCE.exec(text);
  if (!found) return null;
  const [source, decimal, hexadecimal, name] = found;
  const literal = name === undefined ? character(Number.parseInt(decimal ?? hexadecimal ?? "0", decimal ? 10 : 16)) : named(name);
  return literal === undefined ? null : { text: literal, length: source.length };
}

/** @param {string} name */
function named(name) {
  return Object.hasOwn(NAMES, name) ? NAMES[name] : undefined;
}

/** @param {number} code */
function character(code) {
  const isCharacter = code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff);
  return isCharacter ? String.fromCodePoint(code) : "\ufffd";
}
