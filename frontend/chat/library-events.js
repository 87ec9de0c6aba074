/** What the list of conversations does to the open conversation: opens, deletes and brings back. */

/** @typedef {import("../conversations/open-conversation.js").OpenConversation} OpenConversation */
/** @typedef {import("../library-ui.js").LibraryUIDelegate} Delegate */
/**
 * @typedef {object} LibraryHooks
 * @property {() => OpenConversation} open
 * @property {(id: string, message: string | null, query: string) => void} turnTo opens a conversation; message: to scroll to
 * @property {() => void} startNewChat
 * @property {() => void} sendUnsent sends all unsent messages
 * @property {(id: string) => void} idle called when no answer is being written in another conversation
 * @property {() => void} showTitle
 */

/** @implements {Delegate} */
export class LibraryEvents {
  #parts;
  #unsent;
  #hooks;
  /** @type {{id: string, by: OpenConversation} | null} conversation that was deleted last while it was open, and the new chat that replaced it */
  #replaced = null;

  /**
   * @param {import("./chat-parts.js").Parts} parts
   * @param {import("./unsent-messages.js").UnsentMessages} unsent
   * @param {LibraryHooks} hooks
   */
  constructor(parts, unsent, hooks) {
    this.#parts = parts;
    this.#unsent = unsent;
    this.#hooks = hooks;
  }

  /**
   * @param {string} id
   * @param {string | null} message to scroll to
   */
  conversationChosen(id, message) {
    const query = message === null ? "" : this.#parts.libraryUI.library.holdings.query;
    this.#parts.address.go(id);
    this.#hooks.turnTo(id, message, query);
    if (message === null) this.#parts.composer.focus();
  }

  /** @param {string} id */
  conversationRemoved(id) {
    this.#unsent.remove(id);
    if (this.#hooks.open().id !== id) return;
    this.#hooks.startNewChat();
    this.#replaced = { id, by: this.#hooks.open() };
  }

  /**
   * Bring back a conversation that was deleted here, with its unsent messages.
   * @param {string} id
   * @returns {boolean} whether this browser has unsent messages of it
   */
  conversationRestored(id) {
    const hasParcels = this.#unsent.restore(id);
    this.#hooks.sendUnsent();
    return hasParcels;
  }

  /**
   * Show a deleted conversation that the server has restored. It is opened only if it was open when it was deleted and
   * the user has opened nothing else since.
   * @param {string} id
   */
  conversationReturned(id) {
    const open = this.#hooks.open();
    const isReplaced = this.#replaced?.id === id && this.#replaced.by === open;
    const isUnused = open.phase === "new" && this.#parts.composer.isEmpty;
    if ((isReplaced && isUnused) || open.id === id) this.conversationChosen(id, null);
    else this.#parts.composer.focus();
  }

  /** @param {import("../protocol/messages.js").ConversationChanged} summary */
  conversationChanged(summary) {
    const open = this.#hooks.open();
    this.#parts.libraryUI.library.onSummary(summary);
    if (summary.id !== open.id && !summary.deleted && summary.writing.length === 0) this.#hooks.idle(summary.id);
    if (summary.id !== open.id) return;
    if (summary.deleted) open.markMissing();
    else open.onSummary(summary);
  }

  libraryShown() {
    this.#hooks.showTitle();
  }
}
