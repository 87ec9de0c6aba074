/** Presentation of a conversation: each message of the branch, its status line, and the actions on it. */

import { boundariesAlong, leavesRoom } from "../conversations/context-choice.js";
import { splitMessage } from "../conversations/message-files.js";
import { notesAlong, offersForNote } from "../conversations/notes.js";
import { questionId } from "../conversations/overlay.js";
import { mayHelp } from "../conversations/refusals.js";
import { calledName, callsOf, shownText } from "../conversations/tool-calls.js";
import { mayBeExplored } from "./exploring.js";
import { nearsLimit } from "./tuning.js";
import { describeRefusal } from "../words/refusal-words.js";
import * as lines from "../words/status-line.js";

/** @typedef {import("../conversations/api.js").Message} Message */
/** @typedef {import("../conversations/message-files.js").MessageFile} MessageFile */
/** @typedef {import("../conversations/open-conversation.js").OpenConversation} OpenConversation */
/** @typedef {import("../conversations/outbox.js").Parcel} Parcel */
/** @typedef {import("../words/status-line.js").StatusLine} StatusLine */
/** @typedef {"copy" | "copy-text" | "edit" | "regenerate" | "explore" | "unexplore" | "branch" | "delete" | "previous" | "next"} ActionName */
/**
 * Name of a button below an answer that ended early, or below a message that was not sent.
 * @typedef {"retry" | "edit" | "elsewhere" | "discard" | "dismiss" | "continue" | "longer" | "unsummarize"} OfferName
 */
/** @typedef {import("../conversations/refusals.js").Circumstances} Circumstances */
/**
 * @typedef {object} Shown
 * @property {string} id
 * @property {Message["role"]} role
 * @property {string} [name] of the function whose result this is
 * @property {import("../protocol/messages.js").ToolCall[]} [calls] of an answer
 * @property {import("../rendering/tool-parts.js").Wanted} [wanted] calls whose results the user can give now
 * @property {string} text of the message; a question's files are left out
 * @property {MessageFile[]} [files]
 * @property {boolean} isGrowing whether more text may arrive
 * @property {StatusLine | null} line
 * @property {number} at time of writing, in milliseconds since 1970; 0 if unknown
 * @property {number[]} thoughts duration of each of its thoughts, in milliseconds; 0 if unknown
 * @property {{index: number, count: number}} branch index: from 1
 * @property {ActionName[]} actions
 * @property {OfferName[]} offers
 * @property {boolean} [mayContinue] false if the server can't continue this answer from a changed text
 * @property {import("../rendering/boundary-view.js").Boundary | null} [boundary] line below the message: the model sees
 *   neither this message nor those above it
 */

/** @type {Partial<Record<import("../conversations/api.js").MessageState, string>>} reason of an answer's end, if only the state is known */
const REASONS = { stopped: "cancelled", interrupted: "interrupted", failed: "failed" };

/**
 * @param {OpenConversation} conversation
 * @param {Parcel[]} parcels the conversation's parcels in the outbox
 * @param {Circumstances} circumstances
 * @returns {Shown[]} messages of the branch, and each unsent message at its place
 */
export function present(conversation, parcels, circumstances) {
  const { path } = conversation;
  const isBusy = conversation.writing.length > 0;
  const notes = notesAlong(parcels, conversation);
  const notesAt = (/** @type {number} */ index) => (notes.get(index) ?? []).flatMap((parcel) => presentNote(parcel, circumstances, isBusy));
  const boundaries = boundariesAlong(circumstances.count, path);
  const along = path.flatMap((message, index) => {
    const shown = presentMessage(conversation, parcels, circumstances, message, isBusy);
    return [{ ...shown, boundary: boundaries.get(index) ?? null }, ...notesAt(index)];
  });
  return [...notesAt(-1), ...along];
}

/**
 * Present one message of the tree as if it were on the shown branch.
 * @param {OpenConversation} conversation
 * @param {Parcel[]} parcels
 * @param {Circumstances} circumstances
 * @param {Message} message
 * @param {boolean} isBusy whether an answer is being written
 * @returns {Shown}
 */
export function presentMessage(conversation, parcels, circumstances, message, isBusy) {
  const isLast = message === conversation.path.at(-1);
  const text = shownText(conversation, message);
  const calls = callsOf(conversation, message);
  const siblings = conversation.tree.siblings(message);
  const failed = parcels.find((parcel) => parcel.failure && isContinuation(parcel, message));
  return {
    id: message.id,
    role: message.role,
    ...partsOf(message.role, text),
    calls,
    ...(message.role === "tool" ? { name: calledName(conversation.path, message) } : {}),
    ...(isLast && !isBusy && calls.length > 0 ? { wanted: { calls, given: failed?.request.results ?? [] } } : {}),
    isGrowing: message.state === "writing",
    at: message.created_at,
    thoughts: message.thoughts ?? [],
    line: failed ? describeRefusal(failed, circumstances) : describe(conversation, message, circumstances),
    branch: { index: siblings.indexOf(message) + 1, count: siblings.length },
    actions: actionsFor(message, {
      explore: exploreFor(message, text, circumstances),
      isBusy,
      isUnsent: isUnsent(message, parcels),
      isEmpty: text === "" && calls.length === 0,
      isTemporary: circumstances.isTemporary,
    }),
    mayContinue: !circumstances.isTemporary,
    offers: isLast ? (isBusy ? offersWhile(conversation, message, circumstances) : offersFor(message, failed, circumstances)) : [],
  };
}

/**
 * Present a message that was not sent, with the reason in place of its answer.
 * @param {Parcel} parcel
 * @param {Circumstances} circumstances
 * @param {boolean} isBusy whether an answer is being written
 * @returns {Shown[]}
 */
function presentNote(parcel, circumstances, isBusy) {
  const { request } = parcel;
  const common = { isGrowing: false, at: parcel.at, thoughts: [], branch: { index: 1, count: 1 } };
  const parts = partsOf("user", request.content ?? "");
  /** @type {Shown} */
  const question = { ...common, id: questionId(request), role: "user", ...parts, line: null, actions: ["copy"], offers: [] };
  const offers = isBusy ? [] : offersForNote(parcel, circumstances);
  /** @type {Shown} */
  const end = { ...common, id: request.id, role: "assistant", text: "", line: describeRefusal(parcel, circumstances), actions: [], offers };
  return request.content === undefined ? [end] : [question, end];
}

/**
 * @param {Message["role"]} role
 * @param {string} content
 * @returns {{text: string, files: MessageFile[]}}
 */
function partsOf(role, content) {
  if (role !== "user") return { text: content, files: [] };
  const { words, files } = splitMessage(content);
  return { text: words, files };
}

/**
 * Describe the progress of a message's answer, or its end.
 * @param {OpenConversation} conversation
 * @param {Message} message
 * @param {Pick<Circumstances, "isConnected" | "namesModels" | "isAway">} circumstances
 * @returns {StatusLine | null}
 */
export function describe(conversation, message, { isConnected, namesModels = false, isAway }) {
  if (message.role !== "assistant") return null;
  const live = message.generation ? conversation.live(message.generation) : undefined;
  const isLost = isAway?.(message.model ?? live?.model);
  const line = message.state === "writing" ? describeWriting(live, isConnected, message.earlier, isLost) : describeEnd(message);
  const named = lines.withModel(line, namesModels ? message.model : undefined);
  return lines.withEdit(lines.withDropped(named, message.dropped || live?.dropped || 0), message.edited_at !== undefined);
}

/**
 * @param {import("../conversations/live-answer.js").LiveAnswer | undefined} live
 * @param {boolean} isConnected
 * @param {import("../conversations/api.js").Earlier} [earlier]
 * @param {boolean} [isAway] whether the model's server can't be reached
 */
function describeWriting(live, isConnected, earlier, isAway = false) {
  if (isAway && isConnected && live?.isAccepted && !live.isStopping) return live.tokens > 0 ? lines.CUT : lines.AWAY;
  return live?.line(isConnected, earlier?.completion_tokens) ?? (isConnected ? lines.RESUMING : lines.DISCONNECTED);
}

/** @param {Message} message */
function describeEnd({ state, reason = REASONS[state], usage, timings, limit, error, earlier }) {
  if (reason === "lost") return lines.LOST;
  return reason ? lines.describeEnd({ type: "done", id: "", seq: 0, reason, usage, timings, limit, error }, earlier) : null;
}

/**
 * Check if a parcel asks to continue this answer.
 * @param {Parcel} parcel
 * @param {Message} message
 */
function isContinuation({ request }, { id, role }) {
  return role === "assistant" && request.content === undefined && request.parent === id;
}

/**
 * @param {Message} message
 * @param {Parcel[]} parcels
 */
function isUnsent({ id }, parcels) {
  return parcels.some(({ request, failure }) => !failure && (request.id === id || request.message_id === id));
}

/**
 * @param {Message} message
 * @param {{explore: ActionName[], isBusy: boolean, isUnsent: boolean, isEmpty: boolean, isTemporary?: boolean}} state
 * @returns {ActionName[]}
 */
function actionsFor(message, { explore, isBusy, isUnsent, isEmpty, isTemporary = false }) {
  /** @type {ActionName[]} */
  const actions = isEmpty ? [] : message.role === "assistant" ? ["copy", "copy-text", ...explore] : ["copy"];
  if (isBusy || isUnsent) return actions;
  /** @type {ActionName[]} */
  const branch = isTemporary ? [] : ["branch"];
  if (message.role === "user") return [...actions, "edit", ...branch, "delete"];
  if (message.role === "tool") return [...actions, "delete"];
  if (message.role !== "assistant") return actions;
  if (message.tool_calls) return [...actions, "regenerate", ...branch, "delete"];
  return [...actions, "edit", "regenerate", ...branch, "delete"];
}

/**
 * @param {Message} message
 * @param {string} text of the message
 * @param {Circumstances} circumstances
 * @returns {ActionName[]}
 */
function exploreFor(message, text, { isExplorable, explored }) {
  if (message.id === explored) return ["unexplore"];
  return mayBeExplored(message, text) && isExplorable?.(message.generation ?? "") ? ["explore"] : [];
}

/**
 * @param {OpenConversation} conversation
 * @param {Message} message that may be being written
 * @param {Circumstances} circumstances
 * @returns {OfferName[]}
 */
function offersWhile(conversation, { generation }, { isTunable = false }) {
  const live = generation ? conversation.live(generation) : undefined;
  return isTunable && nearsLimit(live, conversation.settings) ? ["longer"] : [];
}

/**
 * @param {Message} message
 * @param {Parcel | undefined} failed refused continuation of the message
 * @param {Circumstances} circumstances
 * @returns {OfferName[]}
 */
function offersFor(message, failed, circumstances) {
  if (message.role === "user" || message.role === "tool") return ["retry"];
  if (message.role !== "assistant") return [];
  const continuation = isContinuable(message, circumstances) && mayBeContinued(failed, circumstances) ? /** @type {const} */ (["continue"]) : [];
  const isBroken = message.state === "failed" || message.state === "interrupted";
  return [...(isBroken ? /** @type {const} */ (["retry"]) : []), ...continuation, ...(failed ? /** @type {const} */ (["dismiss"]) : [])];
}

/**
 * @param {Parcel | undefined} failed refused continuation of an answer
 * @param {Circumstances} circumstances
 */
function mayBeContinued(failed, circumstances) {
  return !failed || mayHelp(failed, circumstances);
}

/**
 * @param {Message} message
 * @param {Circumstances} circumstances
 */
function isContinuable({ state, reason, limit, content, tool_calls: calls }, { count, isTemporary }) {
  if (calls || isTemporary) return false;
  if (reason === "length" && limit === "context" && !leavesRoom(count)) return false;
  return content !== "" && (state === "stopped" || state === "failed" || state === "interrupted" || reason === "length");
}
