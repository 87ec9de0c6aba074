/** Presentation of answers that are compared: each is a column, with its label and its own Stop. */

import { describeRefusal } from "../words/refusal-words.js";
import { presentMessage } from "./presenting.js";

/** @typedef {import("../conversations/comparisons.js").Comparison} Comparison */
/** @typedef {import("../conversations/open-conversation.js").OpenConversation} OpenConversation */
/** @typedef {import("../conversations/outbox.js").Parcel} Parcel */
/** @typedef {import("../conversations/refusals.js").Circumstances} Circumstances */
/** @typedef {import("./presenting.js").ActionName} ActionName */
/** @typedef {import("./presenting.js").Shown} Shown */
/**
 * @typedef {object} Column
 * @property {Shown} shown
 * @property {string} label
 * @property {boolean} isSelected whether the next question continues this answer
 * @property {boolean} isWriting
 * @property {boolean} isStopping
 * @property {boolean} mayBeKept false while an answer is still on its way to the server
 */

/** Actions on a compared answer. Others begin a new answer, and so end the comparison at once. @type {ActionName[]} */
const ACTIONS = ["copy", "copy-text", "explore", "unexplore", "branch", "delete"];

/**
 * @param {OpenConversation} conversation
 * @param {Parcel[]} parcels the conversation's parcels in the outbox
 * @param {Circumstances} circumstances
 * @param {Comparison} comparison
 * @returns {Column[]} answers that are there, and those that were refused
 */
export function presentColumns(conversation, parcels, circumstances, { columns }) {
  const isArriving = parcels.some(({ failure }) => !failure);
  return columns.flatMap(({ id, label }) => {
    const refused = parcels.find(({ request, failure }) => failure && request.id === id);
    const shown = refused ? presentRefused(refused, circumstances) : presentAnswer(conversation, parcels, circumstances, id);
    if (!shown) return [];
    const isStopping = conversation.live(id)?.isStopping ?? false;
    return [{ shown, label, isSelected: id === conversation.leaf, isWriting: shown.isGrowing, isStopping, mayBeKept: !isArriving && !refused }];
  });
}

/**
 * @param {OpenConversation} conversation
 * @param {Parcel[]} parcels
 * @param {Circumstances} circumstances
 * @param {string} id
 * @returns {Shown | null} null for an answer that was deleted, or stopped before it was sent
 */
function presentAnswer(conversation, parcels, circumstances, id) {
  const message = conversation.tree.find(id);
  if (!message) return null;
  const shown = presentMessage(conversation, parcels, circumstances, message, message.state === "writing");
  delete shown.wanted; // a result begins another branch
  return { ...shown, branch: { index: 1, count: 1 }, offers: [], actions: shown.actions.filter((name) => ACTIONS.includes(name)) };
}

/**
 * @param {Parcel} parcel
 * @param {Circumstances} circumstances
 * @returns {Shown}
 */
function presentRefused(parcel, circumstances) {
  const common = { isGrowing: false, at: parcel.at, thoughts: [], branch: { index: 1, count: 1 } };
  return { ...common, id: parcel.request.id, role: "assistant", text: "", line: describeRefusal(parcel, circumstances), actions: [], offers: [] };
}
