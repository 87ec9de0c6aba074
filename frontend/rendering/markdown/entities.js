/**
 * Character references such as `&amp;` and `&#8364;`. The common names are built in. The table of all names is loaded
 * with the first other name (`node_modules/character-entities`); if loading fails, that name stays as it is written.
 */

import { ROOT_PATH } from "../../root-path.js";

/** @typedef {(name: string) => string | undefined} Named returns the characters of a name, if the name is known */

const MODULE = `${ROOT_PATH}/static/vendor/entities/index.js`;
const REFERENCE = /&(?:#(\d{1,7})|#[xX]([\da-fA-F]{1,6})|([A-Za-z]\w{1,31}));/y;
const ESCAPE_OR_REFERENCE = /\\([!-/:-@[-`{-~])|&(?:#\d{1,7}|#[xX][\da-fA-F]{1,6}|[A-Za-z]\w{1,31});/g;

/** @type {Record<string, string>} */
const COMMON = {
  amp: "&", lt: "<", gt: ">", quot: '"', apos: "'", nbsp: "\u00a0", copy: "©", reg: "®", trade: "™", hellip: "…",
  mdash: "—", ndash: "–", lsquo: "‘", rsquo: "’", ldquo: "“", rdquo: "”", bull: "•", middot: "·", deg: "°",
  plusmn: "±", times: "×", divide: "÷", ne: "≠", le: "≤", ge: "≥", larr: "←", rarr: "→", uarr: "↑", darr: "↓",
  harr: "↔", euro: "€", pound: "£", yen: "¥", cent: "¢", sect: "§", para: "¶", frac12: "½", frac14: "¼", frac34: "¾",
  sup2: "²", sup3: "³", micro: "µ", infin: "∞", alpha: "α", beta: "β", gamma: "γ", delta: "δ", pi: "π",
};

/** Known names, shared by all answers of the page. */
export class Entities {
  #load;
  #names = COMMON;
  /** @type {Promise<void> | null} */
  #loading = null;

  /** @param {() => Promise<Record<string, string>>} [load] loads the table of all names */
  constructor(load = loadTable) {
    this.#load = load;
  }

  /** @param {string} name */
  find(name) {
    return Object.hasOwn(this.#names, name) ? this.#names[name] : undefined;
  }

  /**
   * @param {() => void} again called when the table is loaded; not called if it is already
   */
  whenComplete(again) {
    this.#loading ??= this.#load().then((names) => void (this.#names = names), () => {});
    if (this.#names === COMMON) this.#loading.then(again);
  }
}

/**
 * @param {string} text
 * @param {number} at offset of an ampersand
 * @param {Named} named
 * @returns {{text: string, length: number} | null} the characters, and the length of the reference
 */
export function literalOf(text, at, named) {
  REFERENCE.lastIndex = at;
  const found = REFERENCE.exec(text);
  if (!found) return null;
  const [source, decimal, hexadecimal, name] = found;
  const literal = name === undefined ? character(Number.parseInt(decimal ?? hexadecimal ?? "0", decimal ? 10 : 16)) : named(name);
  return literal === undefined ? null : { text: literal, length: source.length };
}

/**
 * @param {string} source address, title or language name
 * @param {Named} named
 * @returns {string} the source with its escapes and references resolved
 */
export function decoded(source, named) {
  if (!/[\\&]/.test(source)) return source;
  return source.replace(ESCAPE_OR_REFERENCE, (all, escaped) => escaped ?? literalOf(all, 0, named)?.text ?? all);
}

/** @param {number} code */
function character(code) {
  const isCharacter = code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff);
  return isCharacter ? String.fromCodePoint(code) : "\ufffd";
}

/** @returns {Promise<Record<string, string>>} */
async function loadTable() {
  return (await import(MODULE)).characterEntities;
}
