/** Reports messages that the sender couldn't send, and what it learned about conversations. */

import { CONVERSATION_DELETED, WITHDRAWN } from "../conversations/refusals.js";
import { describeRefusal } from "../words/refusal-words.js";

/** @typedef {import("../conversations/open-conversation.js").OpenConversation} OpenConversation */
/** @typedef {import("../conversations/outbox.js").Parcel} Parcel */
/** @typedef {import("../conversations/refusals.js").Circumstances} Circumstances */
/**
 * @typedef {object} SenderHooks
 * @property {() => OpenConversation} open
 * @property {() => Circumstances} circumstances
 * @property {(conversation: string) => void} choose opens a conversation
 */

export class SenderEvents {
  #parts;
  #unsent;
  #hooks;

  /**
   * @param {import("./chat-parts.js").Parts} parts
   * @param {import("./unsent-messages.js").UnsentMessages} unsent
   * @param {SenderHooks} hooks
   */
  constructor(parts, unsent, hooks) {
    this.#parts = parts;
    this.#unsent = unsent;
    this.#hooks = hooks;
  }

  /** @param {Parcel} parcel */
  senderFailed(parcel) {
    const { request, failure, edited } = parcel;
    const open = this.#hooks.open();
    this.#unsent.list();
    if (request.conversation !== open.id) return this.#failedElsewhere(parcel);
    open.untrack(request.id);
    if (failure?.code === CONVERSATION_DELETED.code) open.markMissing();
    else open.outboxChanged();
    if (edited !== undefined) this.#parts.transcript.reveal(request.id);
    const words = failure?.code === WITHDRAWN.code ? "Answer stopped" : describeRefusal(parcel, this.#hooks.circumstances()).text;
    this.#parts.announcer.ended(words);
  }

  /** @param {string} conversation */
  senderLearned(conversation) {
    const open = this.#hooks.open();
    if (conversation !== open.id) return;
    open.outboxChanged();
    open.catchUp();
  }

  /**
   * Report a failed message of a conversation that the user has left since.
   * @param {Parcel} parcel
   */
  #failedElsewhere({ request: { conversation, content }, failure }) {
    if (content === undefined || failure?.code === WITHDRAWN.code) return;
    const title = this.#parts.libraryUI.library.find(conversation)?.title || content.trim().slice(0, 40);
    const action = { label: "Show", act: () => this.#hooks.choose(conversation) };
    this.#parts.toasts.show({ text: `A message in “${title}” wasn't sent.`, tone: "bad", action });
  }
}
