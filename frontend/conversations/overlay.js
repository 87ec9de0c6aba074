/**
 * View of the conversation as if every parcel in the outbox had arrived. Refused messages are not in the tree, since
 * the server never had them: `notes.js` places them beside the shown branch.
 */

/** @typedef {import("./api.js").Earlier} Earlier */
/** @typedef {import("./api.js").Message} Message */
/** @typedef {import("./outbox.js").Parcel} Parcel */
/** @typedef {{messages: Message[], leaf: string | null}} Branching */

/**
 * @param {Branching} known messages that the server has
 * @param {Parcel[]} parcels in the order of sending
 * @returns {Branching}
 */
export function withParcels(known, parcels) {
  const waiting = parcels.filter(({ failure }) => failure === null);
  return waiting.reduce(withParcel, { messages: known.messages, leaf: known.leaf });
}

/**
 * Find the nearest existing message above a question. The message that it was sent under may have been deleted
 * elsewhere.
 * @param {Parcel} parcel
 * @param {Branching} known
 * @returns {string | null} null for the beginning of the conversation
 */
export function placeOf({ request, above }, { messages, leaf }) {
  const { parent } = request;
  if (parent === null) return null;
  const ids = new Set(messages.map(({ id }) => id));
  const surviving = [parent, ...(above ?? [])].find((id) => ids.has(id));
  if (surviving !== undefined) return surviving;
  return leaf !== null && ids.has(leaf) ? leaf : null;
}

/**
 * Find the id of the user's message in a request.
 * @param {Parcel["request"]} request
 */
export function questionId({ id, message_id: question }) {
  return question ?? `${id}-question`;
}

/**
 * @param {Branching} known
 * @param {Parcel} parcel
 * @returns {Branching}
 */
function withParcel(known, parcel) {
  const { id, content } = parcel.request;
  if (known.messages.some(({ generation }) => generation === id)) return known;
  return content === undefined ? withAnswer(known, parcel) : withQuestion(known, parcel, content);
}

/**
 * Add another answer to a message, or continue an answer. Nothing changes if the message doesn't exist any more.
 * @param {Branching} known
 * @param {Parcel} parcel
 * @returns {Branching}
 */
function withAnswer({ messages, leaf }, parcel) {
  const asked = messages.find(({ id }) => id === parcel.request.parent);
  if (!asked) return { messages, leaf };
  if (parcel.request.results) return withResults(messages, parcel, parcel.request.results);
  if (asked.role === "assistant") {
    const continued = continuedBy(asked, parcel.request.id);
    return { messages: messages.map((message) => (message === asked ? continued : message)), leaf };
  }
  const answer = answerOf(parcel, asked.id);
  return { messages: [...messages, answer], leaf: answer.id };
}

/**
 * Add results and the answer below them, with the ids that the server gives them (PROTOCOL 14.2).
 * @param {Message[]} messages
 * @param {Parcel} parcel
 * @param {import("../protocol/messages.js").ToolResult[]} results
 * @returns {Branching}
 */
function withResults(messages, parcel, results) {
  const { id, parent } = parcel.request;
  /** @type {Message[]} */
  const added = [];
  for (const { tool_call_id, content } of results) {
    const above = added.at(-1)?.id ?? parent;
    const result = { id: `${id}-result-${added.length + 1}`, parent: above, role: /** @type {const} */ ("tool"), content, tool_call_id };
    added.push({ ...result, created_at: parcel.at, state: "done", generation: null });
  }
  const answer = answerOf(parcel, added.at(-1)?.id ?? parent);
  return { messages: [...messages, ...added, answer], leaf: answer.id };
}

/**
 * @param {Message} answer
 * @param {string} generation
 * @returns {Message}
 */
function continuedBy(answer, generation) {
  const { id, parent, role, content, created_at, thoughts } = answer;
  const earlier = earlierOf(answer);
  const kept = { ...(earlier ? { earlier } : {}), ...(thoughts ? { thoughts } : {}) };
  return { id, parent, role, content, created_at, ...kept, state: "writing", generation };
}

/**
 * Compute the earlier figures of an answer that is to be continued, as the server will.
 * @param {Message} answer
 * @returns {Earlier | undefined}
 */
function earlierOf({ earlier, usage, timings }) {
  const tokens = usage?.completion_tokens ?? 0;
  if (tokens === 0) return earlier;
  const { generations, completion_tokens, decode } = earlier ?? { generations: 0, completion_tokens: 0, decode: 0 };
  const added = timings?.decode;
  return {
    generations: generations + 1,
    completion_tokens: completion_tokens + tokens,
    ...(decode === undefined || added === undefined ? {} : { decode: decode + added }),
  };
}

/**
 * @param {Branching} known
 * @param {Parcel} parcel
 * @param {string} content
 * @returns {Branching}
 */
function withQuestion(known, parcel, content) {
  const { messages } = known;
  const question = questionOf(parcel, placeOf(parcel, known), content);
  const answer = answerOf(parcel, question.id);
  const isThere = messages.some(({ id }) => id === question.id);
  return { messages: [...messages, ...(isThere ? [] : [question]), answer], leaf: answer.id };
}

/**
 * @param {Parcel} parcel
 * @param {string | null} parent
 * @param {string} content
 * @returns {Message}
 */
function questionOf({ request, at }, parent, content) {
  return { id: questionId(request), parent, role: "user", content, created_at: at, state: "done", generation: null };
}

/**
 * @param {Parcel} parcel
 * @param {string | null} parent
 * @returns {Message}
 */
function answerOf({ request, at }, parent) {
  const { id } = request;
  return { id, parent, role: "assistant", content: "", created_at: at, state: "writing", generation: id };
}
