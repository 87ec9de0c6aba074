/** What can be done with a message of the open conversation: copied, written anew, answered again, taken out. */

import { ApiError } from "./api.js";

/** @typedef {import("../rendering/message-view.js").MessageDelegate} MessageDelegate */
/** @typedef {import("../rendering/toast-view.js").Toast} Toast */
/** @typedef {import("./api.js").Change} Change */
/** @typedef {import("./api.js").Message} Message */
/** @typedef {import("./open-conversation.js").OpenConversation} OpenConversation */
/** @typedef {import("./outbox.js").Outbox} Outbox */
/** @typedef {import("./presenting.js").ActionName} ActionName */
/** @typedef {import("./presenting.js").OfferName} OfferName */
/** @typedef {{parent: string | null, content?: string}} Question content left out: `parent` is answered anew, or goes on */
/** @typedef {{edit: () => void, confirm: (name: ActionName) => void, readonly plainText: string, readonly isEditing: boolean}} ActedView */
/**
 * @typedef {object} CommandParts
 * @property {() => OpenConversation} open
 * @property {(question: Question) => void} ask
 * @property {() => void} refresh shows the conversation as it is now
 * @property {{find: (id: string) => ActedView | undefined, focus: (id: string) => void}} transcript
 * @property {{
 *   change: (id: string, change: Change) => Promise<unknown>, removeMessage: (id: string, message: string) => Promise<unknown>,
 *   restoreMessage: (id: string, message: string) => Promise<unknown>,
 * }} api
 * @property {Outbox} outbox
 * @property {{write: (text: string) => void, focus: () => void, readonly isEmpty: boolean}} composer
 * @property {{show: (toast: Toast) => void}} toasts
 * @property {(text: string) => Promise<boolean>} copy
 */

/** @implements {MessageDelegate} */
export class MessageCommands {
  #parts;

  /** @param {CommandParts} parts */
  constructor(parts) {
    this.#parts = parts;
  }

  /**
   * @param {ActionName} name
   * @param {string} id
   */
  messageActed(name, id) {
    const message = this.#open.tree.find(id);
    if (!message) return;
    switch (name) {
      case "copy":
        return this.#copy(name, id, this.#open.textOf(message));
      case "copy-text":
        return this.#copy(name, id, this.#parts.transcript.find(id)?.plainText ?? "");
      case "edit":
        return this.#parts.transcript.find(id)?.edit();
      case "regenerate":
        return this.#parts.ask({ parent: message.parent });
      case "continue":
        return this.#goOn(message);
      case "delete":
        return this.#remove(message);
      case "previous":
        return this.turn(id, -1);
      case "next":
        return this.turn(id, 1);
    }
  }

  /**
   * @param {OfferName} name
   * @param {string} id
   */
  messageOffered(name, id) {
    const message = this.#open.tree.find(id);
    if (!message) return;
    if (name === "continue") return this.#goOn(message);
    const parcel = this.#parts.outbox.find(id);
    if (!parcel) return this.#parts.ask({ parent: message.role === "assistant" ? message.parent : id });
    const { parent, content } = parcel.request;
    if (name === "edit") return this.#takeBack(id, content ?? "");
    this.#parts.outbox.remove(id);
    const isThere = parent === null || this.#open.tree.find(parent) !== undefined;
    const under = name === "afresh" ? null : isThere ? parent : this.#leafWithout(parcel.request.message_id);
    this.#parts.ask(content === undefined ? { parent } : { parent: under, content });
  }

  /**
   * What was said is said in other words: a branch beside it.
   * @param {string} id
   * @param {string} text
   */
  messageEdited(id, text) {
    const message = this.#open.tree.find(id);
    if (message) this.#parts.ask({ parent: message.parent, content: text });
  }

  /**
   * Shows another version of a message, and what follows it.
   * @param {string} id
   * @param {number} step -1 or 1
   * @returns {boolean} whether there is one
   */
  turn(id, step) {
    const { tree } = this.#open;
    const message = tree.find(id);
    if (!message) return false;
    const siblings = tree.siblings(message);
    const next = siblings[siblings.indexOf(message) + step];
    if (!next) return siblings.length > 1;
    const leaf = tree.tipOf(next.id);
    this.#open.choose(leaf);
    this.#parts.refresh();
    this.#parts.transcript.focus(next.id);
    if (leaf !== null && !this.#parts.outbox.find(leaf)) this.#keepLeaf(leaf);
    return true;
  }

  /** Has the reader write the last message anew. @returns {boolean} whether there is one */
  editLast() {
    const { path, writing } = this.#open;
    const last = path.findLast(({ role }) => role === "user");
    if (!last || writing.length > 0 || this.#parts.outbox.of(this.#open.id).length > 0) return false;
    const view = this.#parts.transcript.find(last.id);
    view?.edit();
    return view !== undefined;
  }

  get #open() {
    return this.#parts.open();
  }

  /** @param {Message} message */
  #goOn(message) {
    for (const { request, failure } of this.#parts.outbox.of(this.#open.id)) {
      if (failure && request.parent === message.id && request.content === undefined) this.#parts.outbox.remove(request.id);
    }
    this.#parts.ask({ parent: message.id });
  }

  /**
   * @param {ActionName} name
   * @param {string} id
   * @param {string} text
   */
  async #copy(name, id, text) {
    if (await this.#parts.copy(text)) this.#parts.transcript.find(id)?.confirm(name);
    else this.#parts.toasts.show({ text: "The browser does not let the page copy. Select the text and copy it by hand.", tone: "bad" });
  }

  /**
   * Gives a message back to the composer, where a draft that is already there has precedence.
   * @param {string} id
   * @param {string} text
   */
  #takeBack(id, text) {
    const { composer, outbox, refresh } = this.#parts;
    if (composer.isEmpty) {
      outbox.remove(id);
      composer.write(text);
      refresh();
    }
    composer.focus();
  }

  /** @param {Message} message */
  async #remove(message) {
    const { id } = this.#open;
    const open = this.#open;
    try {
      await this.#parts.api.removeMessage(id, message.id);
      const action = { label: "Undo", act: () => this.#restore(open, message.id) };
      this.#parts.toasts.show({ text: message.role === "user" ? "Message deleted" : "Answer deleted", action });
    } catch (error) {
      if (!isGone(error)) this.#complain("Nothing was deleted.", error, () => this.#remove(message));
    }
    open.read();
  }

  /**
   * @param {OpenConversation} open
   * @param {string} message
   */
  async #restore(open, message) {
    try {
      await this.#parts.api.restoreMessage(open.id, message);
    } catch (error) {
      this.#complain("It could not be brought back.", error, () => this.#restore(open, message));
    }
    open.read();
  }

  /** @param {string} leaf */
  async #keepLeaf(leaf) {
    const { id } = this.#open;
    try {
      await this.#parts.api.change(id, { leaf });
    } catch (error) {
      this.#complain("Other devices still show the other version.", error, () => this.#keepLeaf(leaf));
    }
  }

  /**
   * The end of the branch above a message that was refused.
   * @param {string} [question]
   */
  #leafWithout(question) {
    return this.#open.path.findLast(({ id, state }) => id !== question && state !== "failed")?.id ?? null;
  }

  /**
   * @param {string} trouble
   * @param {unknown} error
   * @param {() => void} again
   */
  #complain(trouble, error, again) {
    const reason = error instanceof Error ? error.message : String(error);
    this.#parts.toasts.show({ text: `${trouble} ${reason}`, tone: "bad", action: { label: "Try again", act: again } });
  }
}

/** @param {unknown} error */
function isGone(error) {
  return error instanceof ApiError && error.status === 404;
}
