/**
 * List of the likeliest tokens at one place of an answer, with bars. It opens at the place; arrow keys move in it, and
 * Escape or a click outside closes it.
 */

import { create } from "../../ui/elements.js";
import { focusedIn } from "../../ui/focus.js";
import { placeBeside, roomBeside } from "../../ui/placing.js";
import { WAITING, probability, spokenAlternative, visibleAlternative } from "../../words/explore-words.js";

/** @typedef {import("../../protocol/messages.js").Alternative} Alternative */
/** @typedef {{left: number, right: number, top: number, bottom: number}} Edges in CSS pixels of the viewport */
/**
 * @typedef {object} AlternativesDelegate
 * @property {(token: string) => void} alternativeChosen another token than the answer's own
 * @property {() => void} alternativesClosed by the user
 */

export class AlternativesView {
  #element = create("div", { class: "alternatives", role: "menu", popover: "auto", tabindex: -1 });
  #delegate;
  #edges;

  /**
   * @param {Element} landmark part of the page that the list belongs to
   * @param {AlternativesDelegate} delegate
   * @param {() => Edges | null} edges of the place; null if it is out of view
   */
  constructor(landmark, delegate, edges) {
    this.#delegate = delegate;
    this.#edges = edges;
    landmark.append(this.#element);
    this.#element.addEventListener("keydown", (event) => this.#keyPressed(event));
    this.#element.addEventListener("toggle", (event) => {
      if (/** @type {ToggleEvent} */ (event).newState === "closed") this.#delegate.alternativesClosed();
    });
  }

  get isOpen() {
    return this.#element.matches(":popover-open");
  }

  /** Open the list without its tokens. @param {string} label */
  open(label) {
    this.#element.ariaLabel = label;
    this.#say(WAITING);
    if (!this.isOpen) this.#element.showPopover();
    this.place();
    this.#element.focus({ preventScroll: true });
  }

  /**
   * @param {Alternative[]} tokens the likeliest first
   * @param {boolean} mayChoose whether the answer can be written again from another token
   */
  show(tokens, mayChoose) {
    if (!this.isOpen) return;
    const hadFocus = this.#element.contains(focusedIn(this.#element));
    this.#element.replaceChildren(...tokens.map((token) => this.#item(token, mayChoose)));
    this.place();
    if (hadFocus) this.#focus(Math.max(0, tokens.findIndex(({ chosen }) => chosen)));
  }

  /** Show a sentence in place of the tokens. @param {string} words */
  fail(words) {
    if (!this.isOpen) return;
    this.#say(words);
    this.place();
  }

  /** Keep the list at its place, and close it when the place is out of view. */
  place() {
    if (!this.isOpen) return;
    const edges = this.#edges();
    if (!edges) return this.close();
    this.#element.style.setProperty("--room", `${roomBeside(edges)}px`);
    placeBeside(this.#element, edges);
  }

  close() {
    if (this.isOpen) this.#element.hidePopover();
  }

  remove() {
    this.#element.remove();
  }

  /** @param {string} words */
  #say(words) {
    const hadFocus = this.#element.contains(focusedIn(this.#element));
    this.#element.replaceChildren(create("p", { class: "alternatives-words", role: "status" }, words));
    if (hadFocus) this.#element.focus({ preventScroll: true });
  }

  /**
   * @param {Alternative} alternative
   * @param {boolean} mayChoose
   */
  #item(alternative, mayChoose) {
    const { token, logprob, chosen = false } = alternative;
    const isDead = !chosen && (!mayChoose || !mayBeText(alternative));
    const bar = create("span", { class: "alternative-bar", "aria-hidden": "true" });
    bar.style.setProperty("--part", String(Math.exp(logprob)));
    const words = probability(logprob);
    const item = create(
      "button",
      {
        type: "button", class: "alternative", role: "menuitemradio", tabindex: -1, "aria-checked": String(chosen),
        "aria-label": `${spokenAlternative(alternative)}, ${words}`, "aria-disabled": isDead ? "true" : undefined,
      },
      create("span", { class: mayBeText(alternative) ? "alternative-token" : "alternative-token is-no-text", dir: "auto" }, visibleAlternative(alternative)),
      bar,
      create("span", { class: "alternative-part" }, words),
    );
    item.addEventListener("click", () => this.#chosen(token, chosen, isDead));
    return item;
  }

  /**
   * @param {string} token
   * @param {boolean} isOwn whether the answer has it already
   * @param {boolean} isDead
   */
  #chosen(token, isOwn, isDead) {
    if (isDead) return;
    this.close();
    if (!isOwn) this.#delegate.alternativeChosen(token);
  }

  /** Focus an item. @param {number} index its index; wraps around at both ends */
  #focus(index) {
    const items = [...this.#element.querySelectorAll("button")];
    items.at(index % items.length)?.focus({ preventScroll: false });
  }

  /** @param {KeyboardEvent} event */
  #keyPressed(event) {
    const at = [...this.#element.children].indexOf(/** @type {Element} */ (focusedIn(this.#element)));
    const moves = new Map([["ArrowDown", at + 1], ["ArrowUp", at - 1], ["Home", 0], ["End", -1]]);
    const to = moves.get(event.key);
    if (event.key === "Escape" || event.key === "Tab") this.close();
    else if (to === undefined) return;
    else this.#focus(to);
    event.preventDefault();
    event.stopPropagation();
  }
}

/** Check if a token is text: a part of a character is none, and the end of the answer neither. @param {Alternative} alternative */
function mayBeText({ token, bytes, end }) {
  return !end && !bytes && token !== "";
}
