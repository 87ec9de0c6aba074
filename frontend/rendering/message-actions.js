/** The buttons under a message: what can be done with it, and the way to its other versions. */

import { iconButton, textButton } from "./elements.js";

/** @typedef {import("../conversations/presenting.js").ActionName} ActionName */
/** @typedef {import("../conversations/presenting.js").OfferName} OfferName */
/** @typedef {{index: number, count: number}} Branch index from 1 */

/** @type {Record<Exclude<ActionName, "previous" | "next">, {picture: string, label: string}>} */
const ACTIONS = {
  "copy": { picture: "copy", label: "Copy" },
  "copy-text": { picture: "text", label: "Copy as plain text" },
  "edit": { picture: "edit", label: "Edit" },
  "regenerate": { picture: "again", label: "Regenerate" },
  "continue": { picture: "continue", label: "Continue" },
  "delete": { picture: "delete", label: "Delete this and everything after" },
};
/** @type {Record<OfferName, string>} */
const OFFERS = {
  retry: "Try again",
  edit: "Edit message",
  elsewhere: "Send in a new chat",
  discard: "Delete message",
  dismiss: "Dismiss",
  continue: "Continue",
};
/** For how long a button says that it has copied, in milliseconds. */
const COPIED_MS = 1600;

export class MessageActions {
  #element;
  #act;
  #shown = "";

  /**
   * @param {HTMLElement} element that holds the buttons
   * @param {(name: ActionName) => void} act
   */
  constructor(element, act) {
    this.#element = element;
    this.#act = act;
  }

  /**
   * @param {ActionName[]} actions
   * @param {Branch} branch
   */
  show(actions, branch) {
    const wanted = JSON.stringify([actions, branch]);
    if (wanted === this.#shown) return;
    this.#shown = wanted;
    const buttons = actions.map((name) => this.#button(name));
    this.#element.replaceChildren(...(branch.count > 1 ? [this.#branches(branch)] : []), ...buttons);
  }

  /** Says for a moment that it has been done. @param {ActionName} name */
  confirm(name) {
    const button = this.#element.querySelector(`[data-action="${name}"]`);
    if (!(button instanceof HTMLElement)) return;
    button.dataset.confirmed = "";
    setTimeout(() => delete button.dataset.confirmed, COPIED_MS);
  }

  /** @param {ActionName} name */
  #button(name) {
    const { picture, label } = ACTIONS[/** @type {keyof typeof ACTIONS} */ (name)];
    const button = iconButton(picture, label, () => this.#act(name));
    button.dataset.action = name;
    return button;
  }

  /** @param {Branch} branch */
  #branches({ index, count }) {
    const group = document.createElement("div");
    group.className = "branches";
    group.role = "group";
    group.ariaLabel = `Version ${index} of ${count}`;
    const place = document.createElement("span");
    place.className = "branch-place";
    place.textContent = `${index}/${count}`;
    const previous = iconButton("previous", "Previous version", () => this.#act("previous"));
    const next = iconButton("next", "Next version", () => this.#act("next"));
    previous.disabled = index === 1;
    next.disabled = index === count;
    group.append(previous, place, next);
    return group;
  }
}

/**
 * @param {OfferName} name
 * @param {(name: OfferName) => void} accept
 */
export function offerButton(name, accept) {
  return textButton(OFFERS[name], "offer", () => accept(name));
}
