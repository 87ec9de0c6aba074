/** Buttons below a message: its actions, with the rarely used ones in a menu, and the arrows to its other versions. */

import { icon, iconButton, textButton } from "../ui/elements.js";
import { focusedIn } from "../ui/focus.js";

/** @typedef {import("../chat/presenting.js").ActionName} ActionName */
/** @typedef {import("../chat/presenting.js").OfferName} OfferName */
/** @typedef {{index: number, count: number}} Branch index from 1 */

/** @typedef {(opener: HTMLElement, label: string, items: import("../ui/menu-view.js").MenuItem[]) => void} OpenMenu */

/** @type {Partial<Record<ActionName, {picture: string, label: string, isOn?: boolean}>>} isOn: its mode is on */
const BUTTONS = {
  "copy": { picture: "copy", label: "Copy" },
  "edit": { picture: "edit", label: "Edit" },
  "regenerate": { picture: "again", label: "Regenerate" },
  "explore": { picture: "explore", label: "Explore tokens" },
  "unexplore": { picture: "explore", label: "Stop exploring", isOn: true },
};
/** @type {Partial<Record<ActionName, {label: string, isGrave?: boolean}>>} */
const MENU = {
  "copy-text": { label: "Copy as plain text" },
  "branch": { label: "Branch into a new chat" },
  "delete": { label: "Delete this and everything after", isGrave: true },
};
/** @type {Record<OfferName, string>} */
const OFFERS = {
  retry: "Try again",
  edit: "Edit message",
  elsewhere: "Send in a new chat",
  discard: "Delete message",
  dismiss: "Dismiss",
  continue: "Continue",
  longer: "Longer",
  unsummarize: "Remove summary",
};
/** Time for which a button shows that the text was copied, in milliseconds. */
const COPIED_MS = 2000;

export class MessageActions {
  #element;
  #act;
  #openMenu;
  #branchesAt;
  #shown = "";

  /**
   * @param {HTMLElement} element container of the buttons
   * @param {(name: ActionName) => void} act
   * @param {OpenMenu} openMenu
   * @param {"first" | "last"} branchesAt position of the version arrows: on the side where the message is aligned
   */
  constructor(element, act, openMenu, branchesAt) {
    this.#element = element;
    this.#act = act;
    this.#openMenu = openMenu;
    this.#branchesAt = branchesAt;
  }

  /**
   * @param {ActionName[]} actions
   * @param {Branch} branch
   */
  show(actions, branch) {
    const wanted = JSON.stringify([actions, branch]);
    if (wanted === this.#shown) return;
    this.#shown = wanted;
    const active = /** @type {HTMLElement | null} */ (focusedIn(this.#element));
    const focused = this.#element.contains(active) ? active?.dataset.action : undefined;
    const branches = branch.count > 1 ? [this.#branches(branch)] : [];
    const buttons = [...actions.flatMap((name) => this.#button(name)), ...this.#more(actions)];
    this.#element.replaceChildren(...(this.#branchesAt === "first" ? [...branches, ...buttons] : [...buttons, ...branches]));
    if (focused) this.#find(focused)?.focus({ preventScroll: true });
  }

  /** Show a check mark for a moment on the button that was pressed. @param {ActionName} name */
  confirm(name) {
    const button = this.#find(name) ?? this.#find("more");
    const picture = button?.querySelector(".icon");
    if (!button || !picture || button.dataset.confirmed !== undefined) return;
    const tick = icon("check");
    button.dataset.confirmed = "";
    picture.replaceWith(tick);
    setTimeout(() => {
      delete button.dataset.confirmed;
      tick.replaceWith(picture);
    }, COPIED_MS);
  }

  /** @param {string} name @returns {HTMLElement | null} */
  #find(name) {
    return this.#element.querySelector(`[data-action="${name}"]`);
  }

  /** @param {ActionName} name @returns {HTMLElement[]} empty if the action is in the menu */
  #button(name) {
    const shown = BUTTONS[name];
    if (!shown) return [];
    const button = iconButton(shown.picture, shown.label, () => this.#act(name));
    button.dataset.action = name;
    button.classList.toggle("is-on", shown.isOn ?? false);
    return [button];
  }

  /** @param {ActionName[]} actions @returns {HTMLElement[]} the menu's button; empty if the menu has no items */
  #more(actions) {
    const items = actions.flatMap((name) => {
      const shown = MENU[name];
      return shown ? [{ ...shown, act: () => this.#act(name) }] : [];
    });
    if (items.length === 0) return [];
    const button = iconButton("more", "More actions", () => this.#openMenu(button, "More actions", items));
    button.dataset.action = "more";
    button.ariaHasPopup = "menu";
    button.ariaExpanded = "false";
    return [button];
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

/** Buttons below a message for what the user can do about it. */
export class OffersView {
  #element;
  #accept;
  #shown = "[]";

  /**
   * @param {HTMLElement} element container of the buttons
   * @param {(name: OfferName) => void} accept
   */
  constructor(element, accept) {
    this.#element = element;
    this.#accept = accept;
  }

  /** @param {OfferName[]} offers */
  show(offers) {
    const wanted = JSON.stringify(offers);
    if (wanted === this.#shown) return;
    this.#shown = wanted;
    this.#element.hidden = offers.length === 0;
    this.#element.replaceChildren(...offers.map((name) => textButton(OFFERS[name], "offer", () => this.#accept(name))));
  }
}
