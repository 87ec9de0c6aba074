/** Marks above the tokens of an answer: the visited one, which has the focus, the one under the pointer, and unlikely ones. */

import { create } from "../../ui/elements.js";

/** @typedef {import("./token-places.js").Box} Box */

export class TokenMarks {
  /** Element of the visited token's mark: one tab stop. */
  layer = create("div", { class: "explore-layer", role: "listbox", "aria-label": "Tokens of this answer" });
  #hover = create("div", { class: "explore-hover", "aria-hidden": "true" });
  #unsure = create("div", { class: "explore-unsure", "aria-hidden": "true" });
  #boxesOf;
  #visited = -1;
  /** @type {HTMLElement | null} */
  #mark = null;

  /** @param {(index: number) => Box[]} boxesOf boxes of a token */
  constructor(boxesOf) {
    this.#boxesOf = boxesOf;
  }

  /** @param {HTMLElement} article */
  appendTo(article) {
    article.append(this.#hover, this.#unsure, this.layer);
  }

  remove() {
    for (const part of [this.#hover, this.#unsure, this.layer]) part.remove();
  }

  /**
   * Move the focus to a token. Its mark is a new element, so that screen readers announce it.
   * @param {number} index
   * @param {string} name
   */
  visit(index, name) {
    const old = this.#mark;
    this.#visited = index;
    this.#mark = create("div", { class: "token-mark", role: "option", tabindex: 0, "aria-selected": "true", "aria-label": name });
    this.drawVisited();
    this.layer.append(this.#mark);
    this.#mark.focus({ preventScroll: true });
    this.#mark.scrollIntoView({ block: "nearest", inline: "nearest" });
    old?.remove();
  }

  focus() {
    this.#mark?.focus({ preventScroll: true });
  }

  /** @param {string} name of the visited token */
  rename(name) {
    if (this.#mark) this.#mark.ariaLabel = name;
  }

  drawVisited() {
    if (!this.#mark) return;
    const [first, ...rest] = this.#boxesOf(this.#visited);
    this.#mark.replaceChildren();
    if (!first) return;
    place(this.#mark, first, this.#frame);
    this.#mark.append(...rest.map((box) => drawn("token-part", box, first)));
  }

  /** @param {number} index of the token under the pointer; -1 for none */
  drawHovered(index) {
    this.#hover.replaceChildren(...this.#drawn("token-hover", index === -1 ? [] : [index]));
  }

  /** @param {number[]} indexes of unlikely tokens */
  drawUnsure(indexes) {
    this.#unsure.replaceChildren(...this.#drawn("token-unsure", indexes));
  }

  /**
   * @param {string} className
   * @param {number[]} indexes
   */
  #drawn(className, indexes) {
    const frame = this.#frame;
    return indexes.flatMap((index) => this.#boxesOf(index)).map((box) => drawn(className, box, frame));
  }

  /** Corner from which marks are placed. */
  get #frame() {
    return this.layer.getBoundingClientRect();
  }
}

/**
 * @param {string} className
 * @param {Box} box
 * @param {{left: number, top: number}} origin
 */
function drawn(className, box, origin) {
  const element = create("span", { class: className });
  place(element, box, origin);
  return element;
}

/**
 * @param {HTMLElement} element
 * @param {Box} box
 * @param {{left: number, top: number}} origin
 */
function place({ style, classList }, { left, top, width, height }, origin) {
  style.left = `${left - origin.left}px`;
  style.top = `${top - origin.top}px`;
  style.width = `${width}px`;
  style.height = `${height}px`;
  classList.toggle("is-edge", width === 0);
}
