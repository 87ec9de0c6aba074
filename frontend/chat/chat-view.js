/** Shows the open conversation in the page's views: transcript, composer, title, list and queue. */

import { reasonFor } from "../conversations/api-error.js";
import { isAutomatic } from "../conversations/queue-rules.js";
import { describeQueue } from "../words/queue-words.js";
import { present } from "./presenting.js";

/** @typedef {import("../conversations/open-conversation.js").OpenConversation} OpenConversation */
/** @typedef {import("../conversations/refusals.js").Circumstances} Circumstances */

export class ChatView {
  #parts;
  #views;
  #startNewChat;
  /** @type {string | null} message to scroll to as soon as it is loaded */
  #wanted = null;
  /** Search text that found the wanted message. */
  #searched = "";

  /**
   * @param {import("./chat-parts.js").Parts} parts
   * @param {import("./message-views.js").MessageViews} views
   * @param {() => void} startNewChat
   */
  constructor(parts, views, startNewChat) {
    this.#parts = parts;
    this.#views = views;
    this.#startNewChat = startNewChat;
  }

  /**
   * Scroll to a message as soon as it is loaded.
   * @param {string | null} message null to scroll to none
   * @param {string} [query] search text that found it
   */
  want(message, query = "") {
    this.#wanted = message;
    this.#searched = query;
  }

  /**
   * @param {OpenConversation} open
   * @param {Circumstances} circumstances
   * @param {boolean} [steers] whether the answer that is being written can be steered
   */
  show(open, circumstances, steers = false) {
    const { transcript, outbox, libraryUI } = this.#parts;
    const { compared } = open;
    const parcels = outbox.of(open.id).filter(({ request }) => !compared.includes(request.id) || request.content !== undefined);
    const shown = present(open, parcels, circumstances).filter(({ id }) => !compared.includes(id));
    if (shown.length > 0) transcript.show(shown);
    else this.#showNotice(open);
    this.#showMode(open, steers);
    this.showTitle(open);
    libraryUI.mark(open.phase === "new" ? null : open.id);
  }

  /**
   * Show the message that a search found, changing the branch if needed.
   * @param {OpenConversation} open
   * @param {() => void} branchChanged
   */
  reveal(open, branchChanged) {
    const message = this.#wanted === null ? undefined : open.tree.find(this.#wanted);
    if (!message) return;
    this.#wanted = null;
    if (!open.path.includes(message) && !open.compared.includes(message.id)) {
      open.choose(open.tree.tipOf(message.id));
      branchChanged();
    }
    this.#views.reveal(message.id, this.#searched);
  }

  /** @param {Pick<import("../conversations/queue-runner.js").QueueRunner, "items" | "state">} queue */
  showQueue({ items, state }) {
    const words = items.length === 0 ? "" : describeQueue(state, items.length);
    this.#parts.queueView.show(items, words, !isAutomatic(state));
  }

  /** @param {OpenConversation} open */
  showTitle({ id, title, writing, isTemporary }) {
    const { library } = this.#parts.libraryUI;
    const others = library.holdings.conversations.filter((other) => other.id !== id && other.writing.length > 0);
    const name = isTemporary ? "Temporary chat" : library.find(id)?.title || title;
    this.#parts.pageTitle.show(name, writing.length > 0, others.length);
  }

  /**
   * Show the notice that replaces an empty transcript.
   * @param {OpenConversation} open
   */
  #showNotice(open) {
    const { transcript } = this.#parts;
    const { phase, error } = open;
    if (phase === "loading") return transcript.showLoading();
    if (phase !== "missing" && phase !== "failed") return transcript.showWelcome();
    const isGone = phase === "missing";
    transcript.showTrouble({
      title: isGone ? "Conversation not found" : "Couldn't open this conversation",
      text: isGone ? "It may have been deleted, or the link is wrong." : reasonFor(error),
      label: isGone ? "New chat" : "Try again",
      act: () => (isGone ? this.#startNewChat() : open.read()),
    });
  }

  /**
   * @param {OpenConversation} open
   * @param {boolean} steers
   */
  #showMode(open, steers) {
    const { writing } = open;
    const isStopping = writing.every((id) => open.live(id)?.isStopping);
    this.#parts.composer.show(writing.length === 0 ? "idle" : isStopping ? "stopping" : "running", steers);
  }
}
