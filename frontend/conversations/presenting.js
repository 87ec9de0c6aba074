/** What of a conversation is shown: each message of the branch, the words about it, and what can be done with it. */

import * as lines from "../rendering/status-line.js";
import { WITHDRAWN } from "./sender.js";

/** @typedef {import("../rendering/status-line.js").StatusLine} StatusLine */
/** @typedef {import("./api.js").Message} Message */
/** @typedef {import("./open-conversation.js").OpenConversation} OpenConversation */
/** @typedef {import("./outbox.js").Parcel} Parcel */
/** @typedef {"copy" | "copy-text" | "edit" | "regenerate" | "continue" | "delete" | "previous" | "next"} ActionName */
/** @typedef {"retry" | "edit" | "afresh" | "continue"} OfferName what can be done about how the last answer ended */
/**
 * @typedef {object} Shown
 * @property {string} id
 * @property {"user" | "assistant" | "system"} role
 * @property {string} text
 * @property {boolean} isGrowing whether more of its text may come
 * @property {StatusLine | null} line
 * @property {{index: number, count: number}} branch from 1
 * @property {ActionName[]} actions
 * @property {OfferName[]} offers
 */

/**
 * @param {OpenConversation} conversation
 * @param {Parcel[]} parcels what of it is in the outbox
 * @param {boolean} isConnected
 * @returns {Shown[]}
 */
export function present(conversation, parcels, isConnected) {
  const { path } = conversation;
  const isBusy = path.some(({ state }) => state === "writing");
  return path.map((message, index) => {
    const isLast = index === path.length - 1;
    const text = conversation.textOf(message);
    const siblings = conversation.tree.siblings(message);
    const failed = parcels.find((parcel) => parcel.failure && isAbout(parcel, message));
    return {
      id: message.id,
      role: message.role,
      text,
      isGrowing: message.state === "writing",
      line: describe(conversation, message, failed, isConnected),
      branch: { index: siblings.indexOf(message) + 1, count: siblings.length },
      actions: actionsFor(message, { isBusy, isLast, isUnsent: isUnsent(message, parcels), isEmpty: text === "" }),
      offers: isLast && !isBusy ? offersFor(message, failed, path.length) : [],
    };
  });
}

/**
 * What a message's answer is doing, or how it ended.
 * @param {OpenConversation} conversation
 * @param {Message} message
 * @param {Parcel | undefined} failed
 * @param {boolean} isConnected
 * @returns {StatusLine | null}
 */
export function describe(conversation, message, failed, isConnected) {
  if (message.role !== "assistant") return null;
  if (failed?.failure) return failed.failure.code === WITHDRAWN.code ? lines.WITHDRAWN : lines.describeFailure(failed.failure);
  if (message.state === "writing") {
    const live = message.generation ? conversation.live(message.generation) : undefined;
    return live?.line(isConnected) ?? (isConnected ? lines.RESUMING : lines.DISCONNECTED);
  }
  return describeEnd(message);
}

/** @param {Message} message */
function describeEnd({ state, reason, usage, timings, error }) {
  if (reason === "lost") return lines.LOST;
  if (reason) return lines.describeEnd({ type: "done", id: "", seq: 0, reason, usage, timings, error });
  if (state === "stopped") return lines.describeEnd({ type: "done", id: "", seq: 0, reason: "cancelled" });
  if (state === "interrupted") return lines.describeEnd({ type: "done", id: "", seq: 0, reason: "interrupted" });
  return state === "failed" ? lines.describeFailure(error) : null;
}

/**
 * Whether a parcel brings this answer, or goes on with it.
 * @param {Parcel} parcel
 * @param {Message} message
 */
function isAbout({ request }, { id }) {
  return request.id === id || (request.content === undefined && request.parent === id);
}

/**
 * @param {Message} message
 * @param {Parcel[]} parcels
 */
function isUnsent({ id }, parcels) {
  return parcels.some(({ request }) => request.id === id || request.message_id === id);
}

/**
 * @param {Message} message
 * @param {{isBusy: boolean, isLast: boolean, isUnsent: boolean, isEmpty: boolean}} circumstances
 * @returns {ActionName[]}
 */
function actionsFor(message, { isBusy, isLast, isUnsent, isEmpty }) {
  /** @type {ActionName[]} */
  const actions = isEmpty ? [] : message.role === "assistant" ? ["copy", "copy-text"] : ["copy"];
  if (isBusy || isUnsent) return actions;
  if (message.role === "user") return [...actions, "edit", "delete"];
  if (message.role !== "assistant") return actions;
  const goesOn = isLast && mayGoOn(message);
  return [...actions, "regenerate", ...(goesOn ? /** @type {const} */ (["continue"]) : []), "delete"];
}

/**
 * @param {Message} message
 * @param {Parcel | undefined} failed
 * @param {number} length of the branch
 * @returns {OfferName[]}
 */
function offersFor(message, failed, length) {
  if (failed?.request.id === message.id) return offersAfterRefusal(failed, length);
  if (message.role === "user") return ["retry"];
  if (message.role !== "assistant") return [];
  const goesOn = mayGoOn(message) ? /** @type {const} */ (["continue"]) : [];
  return message.state === "failed" || message.state === "interrupted" ? ["retry", ...goesOn] : [...goesOn];
}

/**
 * @param {Parcel} parcel
 * @param {number} length of the branch, with the question and the empty answer
 * @returns {OfferName[]}
 */
function offersAfterRefusal({ request, failure }, length) {
  if (request.content === undefined) return ["retry"];
  const hasOutgrown = failure?.code === "context_overflow" && length > 2;
  const first = hasOutgrown ? "afresh" : "retry";
  return failure?.retryable || failure?.code === WITHDRAWN.code ? [first] : [first, "edit"];
}

/** @param {Message} message */
function mayGoOn({ state, reason, content }) {
  return content !== "" && (state === "stopped" || state === "failed" || state === "interrupted" || reason === "length");
}
