/** Parcels for the outbox, from questions in the open conversation. */

import { settingsKey } from "../conversations/refusals.js";
import { validToolChoice } from "../panels/tool-choice.js";
import { generate } from "../protocol/messages.js";
import { wellFormed } from "../protocol/well-formed.js";
import { temporaryRequest } from "./temporary-requests.js";

/** @typedef {import("../conversations/open-conversation.js").OpenConversation} OpenConversation */
/** @typedef {import("../conversations/outbox.js").Parcel} Parcel */
/** @typedef {import("./message-commands.js").Question} Question */

/**
 * Number of messages above a question that are remembered, so that it keeps its place if some are deleted meanwhile.
 */
const MAX_ABOVE = 64;

/**
 * @param {OpenConversation["settings"]} settings
 * @param {boolean} mayForce whether the model may be made to call a function
 * @returns {Pick<import("../protocol/messages.js").Generate, "tools" | "tool_choice">}
 */
function offeredTools({ tools, tool_choice: given }, mayForce) {
  if (!tools) return {};
  const choice = validToolChoice(given, tools);
  return { tools, ...(choice && (mayForce || choice === "none") ? { tool_choice: choice } : {}) };
}

/**
 * @param {Question} question
 * @param {OpenConversation} open
 * @param {{model: string, chosen?: string, newId: () => string}} facts model: name and context of the server's model;
 *   chosen: name of the model that the chat's settings name, if the server has it
 * @returns {Parcel}
 */
export function parcelOf({ parent, content, results, from, edited, above, ids, model: other, params }, open, { model, chosen, newId }) {
  const { tree, id: conversation, isBegun, settings } = open;
  const said = content === undefined ? {} : { content: wellFormed(content), message_id: ids?.message ?? newId() };
  // Named here too: the settings may not have reached the server yet.
  const wanted = other ?? chosen;
  const named = { ...(wanted === undefined ? {} : { model: wanted }), ...(params === undefined ? {} : { params }) };
  const given = results ? { results: results.map((each) => ({ ...each, content: wellFormed(each.content) })) } : {};
  // An answer to results, or one that is continued, would never end if it had to call a function again.
  const isToUser = content !== undefined || (results === undefined && !["assistant", "tool"].includes(tree.find(parent)?.role ?? ""));
  const offered = offeredTools(settings, isToUser);
  const request = generate({
    id: ids?.generation ?? newId(), conversation, parent,
    ...(from ? { from: { ...from, text: wellFormed(from.text ?? "") } } : { ...said, ...given, ...offered, ...named }),
  });
  const path = tree.pathTo(parent);
  const history = path.reduce((sum, message) => sum + message.content.length, 0);
  return {
    request,
    ...(open.isTemporary ? { plain: temporaryRequest(request, open) } : {}),
    create: isBegun || open.isTemporary || content === undefined ? null : settings,
    at: Date.now(),
    failure: null,
    above: above ?? path.map(({ id }) => id).reverse().slice(0, MAX_ABOVE),
    ...(edited === undefined ? {} : { edited }),
    asked: { settings: settingsKey(settings), model, history },
  };
}
