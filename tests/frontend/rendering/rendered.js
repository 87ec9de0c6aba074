/** Renders Markdown for tests, in a document that is no browser's. */

import { characterEntities } from "character-entities";
import { parseHTML } from "linkedom";

import { MarkdownText } from "../../../frontend/rendering/markdown-text.js";
import { Entities } from "../../../frontend/rendering/markdown/entities.js";

/** A document in place of the browser's, until `removeDocument`. */
export function installDocument() {
  Object.assign(globalThis, { document: parseHTML("<html><body></body></html>").document });
}

export function removeDocument() {
  Reflect.deleteProperty(globalThis, "document");
}

/** The table of all names, as it is once it has been loaded. */
const ALL_NAMES = new Entities(() => Promise.resolve(characterEntities));
await new Promise((resolve) => ALL_NAMES.whenComplete(() => resolve(null)));

/** Painters that note what they were asked for. */
export class NotedPainters {
  entities = ALL_NAMES;
  /** @type {[tex: string, isDisplay: boolean][]} */
  formulas = [];
  /** @type {[code: string | null, language: string][]} */
  codes = [];

  math = {
    /**
     * @param {HTMLElement} _element
     * @param {string} tex
     * @param {boolean} isDisplay
     */
    render: (_element, tex, isDisplay) => void this.formulas.push([tex, isDisplay]),
  };

  highlighting = {
    /**
     * @param {HTMLElement} code
     * @param {string} language
     */
    paint: (code, language) => void this.codes.push([code.textContent, language]),
  };
}

/**
 * @param {string} text
 * @param {number[]} [sizes] of the pieces that it comes in, again and again
 * @param {NotedPainters} [painters]
 * @returns {HTMLElement} as it is when all has come
 */
export function rendered(text, sizes = [Infinity], painters = new NotedPainters()) {
  const element = document.createElement("div");
  const markdown = new MarkdownText(element, painters, () => 0);
  for (let at = 0, count = 0; at < text.length; count += 1) {
    const end = at + (sizes[count % sizes.length] ?? 1);
    markdown.append(text.slice(at, end));
    at = end;
  }
  markdown.finish();
  return element;
}

/**
 * @param {string} text
 * @returns {string} what is shown of it, without attributes that every block and every link has
 */
export function html(text) {
  const bodies = [...rendered(text).querySelectorAll(".markdown-body")].map((body) => body.innerHTML);
  return bodies.join("").replaceAll(' dir="auto"', "").replaceAll(' rel="noopener noreferrer nofollow" target="_blank"', "");
}
