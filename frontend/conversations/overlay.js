/** How a conversation looks once what is on its way to the server has arrived there. */

/** @typedef {import("./api.js").Message} Message */
/** @typedef {import("./outbox.js").Parcel} Parcel */
/** @typedef {{messages: Message[], leaf: string | null}} Branching */

/**
 * @param {Branching} known what the server has
 * @param {Parcel[]} parcels in the order in which they were sent
 * @returns {Branching}
 */
export function withParcels(known, parcels) {
  return parcels.reduce(withParcel, { messages: known.messages, leaf: known.leaf });
}

/**
 * @param {Branching} known
 * @param {Parcel} parcel
 * @returns {Branching}
 */
function withParcel({ messages, leaf }, parcel) {
  const { id, parent, content } = parcel.request;
  if (messages.some((message) => message.generation === id)) return { messages, leaf };
  const asked = messages.find((message) => message.id === parent);
  if (content === undefined && asked?.role === "assistant") return continued(messages, leaf, asked, parcel);
  const question = content === undefined ? [] : [questionOf(parcel, content)];
  const answer = answerOf(parcel, question[0]?.id ?? parent);
  const isThere = question.some((message) => messages.some((other) => other.id === message.id));
  return { messages: [...messages, ...(isThere ? [] : question), answer], leaf: answer.id };
}

/**
 * An answer that goes on. Where that was refused it stays as it was.
 * @param {Message[]} messages
 * @param {string | null} leaf
 * @param {Message} answer
 * @param {Parcel} parcel
 * @returns {Branching}
 */
function continued(messages, leaf, answer, { request, failure }) {
  if (failure) return { messages, leaf };
  const goingOn = /** @type {Message} */ ({ ...answer, state: "writing", generation: request.id });
  return { messages: messages.map((message) => (message === answer ? goingOn : message)), leaf };
}

/**
 * @param {Parcel} parcel
 * @param {string} content
 * @returns {Message}
 */
function questionOf({ request, at }, content) {
  return {
    id: request.message_id ?? `${request.id}-question`,
    parent: request.parent,
    role: "user",
    content,
    created_at: at,
    state: "done",
    generation: null,
  };
}

/**
 * @param {Parcel} parcel
 * @param {string | null} parent
 * @returns {Message}
 */
function answerOf({ request, at, failure }, parent) {
  return {
    id: request.id,
    parent,
    role: "assistant",
    content: "",
    created_at: at,
    state: failure ? "failed" : "writing",
    generation: request.id,
    ...(failure ? { error: failure } : {}),
  };
}
