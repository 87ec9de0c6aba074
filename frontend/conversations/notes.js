/**
 * Placement of messages that were not sent: refused by the server, or stopped before they reached it. Each is shown
 * beside the branch at the place where it was written, with no message below it.
 */

import { placeOf, questionId } from "./overlay.js";
import { mayHelp } from "./refusals.js";

/** @typedef {import("../chat/presenting.js").OfferName} OfferName */
/** @typedef {import("./api.js").Message} Message */
/** @typedef {import("./message-tree.js").MessageTree} MessageTree */
/** @typedef {import("./outbox.js").Parcel} Parcel */
/** @typedef {import("./refusals.js").Circumstances} Circumstances */
/** @typedef {{readonly tree: MessageTree, readonly path: Message[], readonly leaf: string | null}} Branch the shown one */

/**
 * @param {Parcel[]} parcels
 * @param {string} id of the message, or of its answer
 * @returns {Parcel | undefined} refused parcel that is shown with this id
 */
export function noteOf(parcels, id) {
  const isShownAs = (/** @type {Parcel["request"]} */ request) => request.id === id || questionId(request) === id;
  return parcels.find(({ request, failure }) => failure !== null && isShownAs(request));
}

/**
 * Place each refused message: the index of the branch's message above it; -1 at the beginning. A refused continuation
 * has no place, since its answer shows it.
 * @param {Parcel[]} parcels
 * @param {Branch} branch
 * @returns {Map<number, Parcel[]>}
 */
export function notesAlong(parcels, branch) {
  /** @type {Map<number, Parcel[]>} */
  const notes = new Map();
  for (const parcel of parcels) {
    const index = parcel.failure === null ? null : indexOf(parcel, branch);
    if (index !== null) notes.set(index, [...(notes.get(index) ?? []), parcel]);
  }
  return notes;
}

/**
 * @param {Parcel} parcel
 * @param {Branch} branch
 * @returns {number | null}
 */
function indexOf(parcel, { tree, path, leaf }) {
  const { parent, content } = parcel.request;
  if (content === undefined) return answerIndex(path, parent);
  // Earlier versions of the page stored only the parent, which may never have been on the server.
  const place = parcel.above ? parcel.above.find((id) => tree.find(id)) ?? null : placeOf(parcel, { messages: tree.all, leaf });
  // Show a refused message of another branch where the two branches part, so that the user can always reach it.
  const above = new Set(tree.pathTo(place).map(({ id }) => id));
  return path.findLastIndex(({ id }) => above.has(id));
}

/**
 * @param {Message[]} path
 * @param {string | null} question
 * @returns {number | null} index of the answer, or of the question without one; null if neither is shown
 */
function answerIndex(path, question) {
  const index = path.findIndex(({ id }) => id === question);
  if (path[index]?.role !== "user" && path[index]?.role !== "tool") return null;
  return Math.min(index + 1, path.length - 1);
}

/**
 * List the buttons of a refused message. "Try again" is offered only if it can help.
 * @param {Parcel} parcel
 * @param {Circumstances} circumstances
 * @returns {OfferName[]}
 */
export function offersForNote(parcel, circumstances) {
  if (parcel.request.content === undefined) return mayHelp(parcel, circumstances) ? ["retry", "dismiss"] : ["dismiss"];
  if (circumstances.isGone) return ["elsewhere", "edit", "discard"];
  return mayHelp(parcel, circumstances) ? ["retry", "edit", "discard"] : ["edit", "discard"];
}
