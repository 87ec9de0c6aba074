/** Unsent messages of conversations: shown in the list, and kept while their conversation is deleted. */

import { unsentSummary } from "../conversations/library.js";
import { CONVERSATION_DELETED } from "../conversations/refusals.js";

/** @typedef {import("../conversations/open-conversation.js").OpenConversation} OpenConversation */
/** @typedef {import("../conversations/outbox.js").Parcel} Parcel */
/** @typedef {import("../conversations/queue.js").Queued} Queued */

export class UnsentMessages {
  #parts;
  /** @type {Map<string, {parcels: Parcel[], queued: Queued[]}>} those of conversations that this page deleted */
  #removed = new Map();

  /** @param {Pick<import("./chat-parts.js").Parts, "outbox" | "queue" | "libraryUI">} parts */
  constructor(parts) {
    this.#parts = parts;
  }

  /** Show every conversation that only this browser has in the list. */
  list() {
    const { library } = this.#parts.libraryUI;
    const { parcels } = this.#parts.outbox;
    library.keepUnsent(new Set(parcels.map(({ request }) => request.conversation)));
    for (const { request, create, at, failure } of parcels) {
      const { conversation, content } = request;
      const isOnlyHere = create !== null || failure?.code === CONVERSATION_DELETED.code;
      if (!isOnlyHere || content === undefined || library.find(conversation)?.title) continue;
      const unsent = unsentSummary(conversation, content, at);
      library.onSummary({ ...unsent, ...library.find(conversation), title: unsent.title });
    }
  }

  /**
   * Expect the answers to a conversation's unsent messages.
   * @param {OpenConversation} open
   */
  track(open) {
    for (const { request, failure } of this.#parts.outbox.of(open.id)) if (!failure) open.track(request.id, false);
  }

  /** @param {string} conversation that was deleted */
  remove(conversation) {
    const { outbox, queue } = this.#parts;
    const [parcels, queued] = [outbox.of(conversation), queue.of(conversation)];
    this.#removed.set(conversation, { parcels, queued });
    for (const { request } of parcels) outbox.remove(request.id);
    for (const item of queued) queue.remove(item.id);
  }

  /**
   * @param {string} conversation
   * @returns {boolean} whether it has messages in the outbox
   */
  restore(conversation) {
    const { outbox, queue } = this.#parts;
    const { parcels, queued } = this.#removed.get(conversation) ?? { parcels: [], queued: [] };
    this.#removed.delete(conversation);
    for (const parcel of parcels) outbox.put(parcel);
    for (const item of queued) queue.add(item);
    this.list();
    return parcels.length > 0;
  }
}
