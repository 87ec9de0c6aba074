/**
 * Sender of queued messages: in the open conversation as soon as its answer has ended, in others when the server
 * reports that no answer is being written there. Several tabs may send the same message, since its ids are fixed.
 */

import { generate } from "../protocol/messages.js";
import { ApiError } from "./api-error.js";
import { MessageTree } from "./message-tree.js";
import { queueState } from "./queue-rules.js";

/** @typedef {import("../chat/message-commands.js").Question} Question */
/** @typedef {import("./api.js").ConversationDocument} ConversationDocument */
/** @typedef {import("./open-conversation.js").OpenConversation} OpenConversation */
/** @typedef {import("./outbox.js").Outbox} Outbox */
/** @typedef {import("./outbox.js").Parcel} Parcel */
/** @typedef {import("./queue-rules.js").QueueState} QueueState */
/** @typedef {import("./queue.js").Queued} Queued */
/** @typedef {import("./queue.js").Queue} Queue */
/**
 * @typedef {object} QueueRunnerParts
 * @property {Queue} queue
 * @property {Outbox} outbox
 * @property {{read: (id: string) => Promise<ConversationDocument>}} api
 * @property {() => OpenConversation} open
 * @property {(question: Question) => void} ask sends a message in the open conversation
 * @property {(parcel: Parcel) => void} send sends a message to another conversation
 * @property {() => string} newId
 */

export class QueueRunner {
  #parts;
  /** @type {Set<string>} conversations that are being loaded */
  #reading = new Set();
  /** Whether a message is being sent. It is in the queue until it is in the outbox, and the page may be shown before. */
  #isSending = false;

  /** @param {QueueRunnerParts} parts */
  constructor(parts) {
    this.#parts = parts;
  }

  /** @returns {Queued[]} of the open conversation, in the order in which they are sent */
  get items() {
    return this.#parts.queue.of(this.#open.id);
  }

  /** @returns {QueueState} of the first queued message of the open conversation */
  get state() {
    const [first] = this.items;
    const { phase, isGone } = this.#open;
    if (isGone) return "gone";
    if (this.#open.writing.length > 0) return "answer"; // also one beside the shown branch
    if (phase === "loading" || phase === "failed" || !first) return "reading";
    return queueState(first, this.#open, this.#parts.outbox.of(this.#open.id));
  }

  /**
   * Queue a message in the open conversation.
   * @param {string} content
   */
  add(content) {
    const { queue, newId } = this.#parts;
    const { id: conversation, leaf, isTemporary } = this.#open;
    queue.add({ id: newId(), message: newId(), conversation, content, after: leaf }, !isTemporary);
  }

  /**
   * Read the queue again if a message of the open conversation is in it: another tab may just have sent it. Remove what the
   * conversation has: the tab that sent it may have gone, or its removal may have crossed a change of this one.
   */
  refresh() {
    const { queue } = this.#parts;
    if (this.items.length === 0) return;
    queue.refresh();
    for (const { id, message } of this.items) if (this.#open.tree.find(message)) queue.remove(id);
  }

  /** Send the first queued message of the open conversation if its turn has come. */
  sendNext() {
    const [first] = this.items;
    if (first && !this.#isSending && this.#open.takesMessages && this.state === "send") this.send(first.id);
  }

  /**
   * Send a queued message to the open conversation now.
   * @param {string} id
   */
  send(id) {
    const { queue, ask } = this.#parts;
    const item = queue.find(id);
    if (!item) return;
    const { message, content } = item;
    // Ask before removing: other tabs must learn of this question first, or they would send the next message beside it.
    this.#isSending = true;
    try {
      ask({ parent: this.#open.leaf, content, ids: { generation: id, message } });
    } finally {
      this.#isSending = false;
    }
    queue.remove(id);
  }

  /** Send the first queued message of every conversation that is not open, if its turn has come. */
  sendElsewhere() {
    for (const conversation of this.#parts.queue.conversations) void this.conversationIdle(conversation);
  }

  /**
   * Send the first queued message of a conversation that is not open, if its turn has come.
   * @param {string} conversation in which no answer seems to be written
   */
  async conversationIdle(conversation) {
    const { queue, api } = this.#parts;
    const [first] = queue.of(conversation);
    if (!first || this.#isBusy(conversation)) return;
    this.#reading.add(conversation);
    try {
      const document = await api.read(conversation);
      this.#reading.delete(conversation);
      if (!this.#isBusy(conversation)) this.#sendTo(document, first);
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) this.#forget(conversation);
    } finally {
      this.#reading.delete(conversation);
    }
  }

  get #open() {
    return this.#parts.open();
  }

  /**
   * Check if another part of the page handles the conversation: it is open or being loaded, or a message to it is on
   * its way.
   * @param {string} conversation
   */
  #isBusy(conversation) {
    const isUnderway = this.#parts.outbox.of(conversation).some(({ failure }) => failure === null);
    return conversation === this.#open.id || this.#reading.has(conversation) || isUnderway;
  }

  /**
   * @param {ConversationDocument} document
   * @param {Queued} first first queued message when the document was requested
   */
  #sendTo({ id: conversation, messages, leaf }, first) {
    const { queue, outbox, send } = this.#parts;
    const { id, message, content } = first;
    const tree = new MessageTree(messages);
    const path = tree.pathTo(leaf);
    if (queue.of(conversation)[0]?.id !== id || !queue.find(id)) return;
    if (queueState(first, { tree, path, leaf }, outbox.of(conversation)) !== "send") return;
    send({
      request: generate({ id, conversation, parent: leaf, content, message_id: message }),
      create: null,
      at: Date.now(),
      failure: null,
      above: path.map((each) => each.id).reverse(),
    });
    queue.remove(id);
  }

  /**
   * Remove the queued messages of a deleted conversation.
   * @param {string} conversation
   */
  #forget(conversation) {
    const { queue } = this.#parts;
    if (!this.#isBusy(conversation)) for (const { id } of queue.of(conversation)) queue.remove(id);
  }
}
