/** View of a conversation in which a running answer that was steered is divided as the server will store it. Pure. */

/** @typedef {import("./api.js").Message} Message */
/** @typedef {import("./live-answer.js").LiveAnswer} LiveAnswer */
/** @typedef {import("./overlay.js").Branching} Branching */

/**
 * Divide running answers at their instructions: partial answer, instruction, rest (PROTOCOL 14.2).
 * @param {Branching} known
 * @param {Map<string, LiveAnswer>} liveAnswers by generation
 * @returns {Branching & {moved: Map<string, string>}} moved: ids of the last parts, by the ids of the divided messages
 */
export function withInstructions({ messages, leaf }, liveAnswers) {
  const moved = new Map();
  const divided = messages.flatMap((message) => {
    const { generation, state } = message;
    const live = state === "writing" && generation ? liveAnswers.get(generation) : undefined;
    if (!live || !generation || live.parts.length === 0) return [message];
    const parts = divide(message, generation, live);
    moved.set(message.id, parts.at(-1)?.id);
    return parts;
  });
  return { messages: divided, leaf: moved.get(leaf) ?? leaf, moved };
}

/**
 * @param {Message} message
 * @param {string} generation
 * @param {LiveAnswer} live
 * @returns {Message[]}
 */
function divide(message, generation, { parts }) {
  const { created_at } = message;
  /** @type {Message[]} */
  const divided = [{ ...message, content: message.content + (parts[0]?.text ?? ""), state: "done", generation: null }];
  parts.forEach(({ seq, instruction }, place) => {
    const above = /** @type {Message} */ (divided.at(-1)).id;
    const id = `${generation}-${seq}`;
    const next = parts[place + 1];
    const end = next ? { content: next.text, state: /** @type {const} */ ("done"), generation: null } : { content: "", state: /** @type {const} */ ("writing"), generation };
    divided.push({ id, parent: above, role: "user", content: instruction, created_at, state: "done", generation: null });
    divided.push({ id: `${id}-answer`, parent: id, role: "assistant", created_at, ...end });
  });
  return divided;
}
