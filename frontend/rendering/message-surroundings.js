/** Elements around the text of a message: status, offers, time and actions. */

import { find } from "../ui/elements.js";
import { MessageActions, OffersView } from "./message-actions.js";
import { StatusView } from "./status-view.js";

/** @typedef {import("../chat/presenting.js").ActionName} ActionName */
/**
 * @typedef {object} Surroundings
 * @property {StatusView} status
 * @property {OffersView} offers
 * @property {HTMLTimeElement} time
 * @property {MessageActions} actions
 */

/**
 * @param {import("./message-view.js").MessageView} view
 * @param {import("../ui/frame-batcher.js").FrameBatcher} batcher
 * @param {import("./message-view.js").MessageDelegate} delegate
 * @param {import("./message-actions.js").OpenMenu} openMenu
 * @returns {Surroundings}
 */
export function createSurroundings(view, batcher, delegate, openMenu) {
  const { body, role } = view;
  const act = (/** @type {ActionName} */ name) => delegate.messageActed(name, view.id);
  return {
    status: new StatusView(body, find(body, ".message-foot"), () => batcher.schedule(view)),
    offers: new OffersView(find(body, ".offers"), (name) => delegate.messageOffered(name, view.id)),
    time: /** @type {HTMLTimeElement} */ (find(body, ".message-time")),
    actions: new MessageActions(find(body, ".actions"), act, openMenu, role === "user" ? "last" : "first"),
  };
}
