/** The open conversation: opens another one, and leaves the one before. Owns which one is open. */

import { OpenConversation } from "../conversations/open-conversation.js";
import { TemporaryChanges } from "../conversations/temporary-changes.js";

/** @typedef {import("./comparing.js").Changes} Changes */
/**
 * @typedef {object} OpeningHooks
 * @property {(generation: string) => void} cancel
 * @property {() => void} show shows the open conversation again
 */

export class Opening {
  #parts;
  #unsent;
  #hooks;
  #open;
  /** @type {TemporaryChanges | null} changes of the open conversation, if it is temporary */
  #changes = null;

  /**
   * @param {import("./chat-parts.js").Parts} parts
   * @param {import("./unsent-messages.js").UnsentMessages} unsent
   * @param {OpeningHooks} hooks
   */
  constructor(parts, unsent, hooks) {
    this.#parts = parts;
    this.#unsent = unsent;
    this.#hooks = hooks;
    this.#open = this.#opened(null, false);
  }

  get open() {
    return this.#open;
  }

  /** Where messages of the open conversation are changed: on the server, or in a temporary chat itself. */
  get changes() {
    return this.#changes ?? this.#parts.api;
  }

  /** True if something would be lost with the page: text or messages of a temporary chat. */
  get wouldLose() {
    return this.#open.isTemporary && (this.#open.path.length > 0 || !this.#parts.composer.isEmpty);
  }

  /**
   * Open a conversation, unless it is open already.
   * @param {string | null} id null for a new chat
   * @param {boolean} [isTemporary] whether only this page has the new chat
   * @returns {boolean} false if it was open already
   */
  turnTo(id, isTemporary = false) {
    const isNewAlready = id === null && this.#open.phase === "new" && this.#open.isTemporary === isTemporary;
    if (id === this.#open.id || isNewAlready) return false;
    this.#leave();
    this.#open = this.#opened(id, isTemporary);
    this.#changes = isTemporary ? new TemporaryChanges(this.#open) : null;
    return true;
  }

  /**
   * @param {string | null} id
   * @param {boolean} isTemporary
   */
  #opened(id, isTemporary) {
    const { api, outbox, newId, newChatSettings } = this.#parts;
    const changed = () => this.#hooks.show();
    const open = new OpenConversation(id ?? newId(), id === null, { api, outbox, changed, isTemporary });
    this.#unsent.track(open);
    const created = outbox.of(open.id).findLast(({ create }) => create !== null)?.create;
    if (id === null) open.assume(newChatSettings?.settings ?? {});
    else if (created) open.assume(created);
    return open;
  }

  /** Leave the open conversation. A temporary one is gone, with the answer that is being written. */
  #leave() {
    const { id, tracked, writing, isTemporary } = this.#open;
    if (isTemporary) for (const generation of writing) this.#hooks.cancel(generation);
    for (const generation of tracked) this.#parts.connection.detach(generation);
    this.#open.leave();
    if (isTemporary) this.#unsent.remove(id);
  }
}
