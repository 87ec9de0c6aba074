/** The link definitions of one answer. They may come later than the references to them, which then become links. */

import { normalLabel } from "./link-scanner.js";

/** @typedef {{href: string, title: string}} Definition */
/** @typedef {(definition: Definition) => void} Waiting */

/** How many definitions and references without one are remembered. */
const MOST = 2000;

export class References {
  /** @type {Map<string, Definition>} the first one of each label */
  #definitions = new Map();
  /** @type {Map<string, Waiting[]>} */
  #waiting = new Map();
  #count = 0;

  /**
   * @param {string} label
   * @param {Definition} definition
   */
  define(label, definition) {
    const key = normalLabel(label);
    if (this.#definitions.has(key) || this.#definitions.size >= MOST) return;
    this.#definitions.set(key, definition);
    for (const resolve of this.#waiting.get(key) ?? []) resolve(definition);
    this.#waiting.delete(key);
  }

  /** @param {string} label */
  find(label) {
    return this.#definitions.get(normalLabel(label)) ?? null;
  }

  /**
   * @param {string} label
   * @param {Waiting} resolve called when it is defined
   */
  wait(label, resolve) {
    if (this.#count >= MOST) return;
    this.#count += 1;
    const key = normalLabel(label);
    const others = this.#waiting.get(key);
    if (others) others.push(resolve);
    else this.#waiting.set(key, [resolve]);
  }
}

const DEFINITION = /^\[((?:[^[\]\\]|\\.){1,200})\]:[ \t]*(?:<([^<>\n]{0,2000})>|(\S{1,2000}))(?:[ \t]+(?:"([^"\n]*)"|'([^'\n]*)'|\(([^()\n]*)\)))?[ \t]*(?:\n|$)/;

/**
 * @param {string} text of a paragraph
 * @returns {{label: string, definition: Definition, length: number} | null} what is defined at its beginning
 */
export function definitionAt(text) {
  const found = DEFINITION.exec(text);
  const label = found?.[1] ?? "";
  if (!found || label.startsWith("^") || label.trim() === "") return null;
  const definition = { href: found[2] ?? found[3] ?? "", title: found[4] ?? found[5] ?? found[6] ?? "" };
  return { label, definition, length: found[0].length };
}
