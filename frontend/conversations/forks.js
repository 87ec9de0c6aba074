/** Requests for answers that continue from a place of another answer (PROTOCOL 6.12). Pure. */

/** @typedef {import("../protocol/messages.js").ForkGenerate} ForkGenerate */
/** @typedef {import("../protocol/messages.js").Generate} Generate */
/** @typedef {import("../protocol/messages.js").PlainGenerate} PlainGenerate */
/** @typedef {import("./outbox.js").Parcel} Parcel */

/**
 * Return the message that asks the server for a parcel's answer. A fork needs nothing but its place: the server takes
 * everything else from the other answer. The page keeps `parent`, to show the new answer at its place.
 * @param {Pick<Parcel, "request" | "plain">} parcel
 * @returns {Generate | PlainGenerate | ForkGenerate}
 */
export function messageOf({ request, plain }) {
  if (plain) return plain;
  const { type, id, conversation, from } = request;
  return from ? { type, id, conversation, from } : request;
}
