/** Commands on a message of the open conversation: copy, edit, regenerate, delete and others. */

import { ApiError } from "../conversations/api-error.js";
import { noteOf, notesAlong } from "../conversations/notes.js";
import { AnswerCommands } from "./answer-commands.js";
import { NoteCommands } from "./note-commands.js";
import { reportTrouble } from "./trouble.js";

/** @typedef {import("../conversations/api.js").Change} Change */
/** @typedef {import("../conversations/api.js").Message} Message */
/** @typedef {import("../conversations/open-conversation.js").OpenConversation} OpenConversation */
/** @typedef {import("../conversations/outbox.js").Outbox} Outbox */
/** @typedef {import("../conversations/outbox.js").Parcel} Parcel */
/** @typedef {import("../rendering/message-editing.js").AnswerEdit} AnswerEdit */
/** @typedef {import("../rendering/message-view.js").MessageDelegate} MessageDelegate */
/** @typedef {import("../ui/toast-view.js").Toast} Toast */
/** @typedef {import("./presenting.js").ActionName} ActionName */
/** @typedef {import("./presenting.js").OfferName} OfferName */
/**
 * New message to send. Without `content`, `parent` is answered again, or continued.
 * @typedef {object} Question
 * @property {string | null} parent
 * @property {string} [content]
 * @property {import("../protocol/messages.js").ToolResult[]} [results] of the calls in the answer `parent`
 * @property {import("../protocol/messages.js").ForkGenerate["from"]} [from] place of another answer to `parent` that this one continues from
 * @property {string} [edited] message that this is another version of
 * @property {string[]} [above] messages above it, if they differ from those above `parent`
 * @property {{generation: string, message: string}} [ids] ids of a queued message; otherwise new ones are made
 * @property {string} [model] name of the model that answers; otherwise the chat's
 * @property {Record<string, unknown>} [params] sampling parameters, in place of those of the chat's settings
 */
/** @typedef {{edit: () => void, confirm: (name: ActionName) => void, readonly plainText: string, readonly isEditing: boolean}} ActedView */
/**
 * @typedef {object} CommandParts
 * @property {() => OpenConversation} open
 * @property {(question: Question) => void} ask
 * @property {(content: string) => void} askElsewhere in a new chat
 * @property {(conversation: string) => void} openChat
 * @property {() => string} newId
 * @property {() => void} refresh updates the view of the conversation
 * @property {(message: string) => void} explore shows the tokens of an answer, or hides them
 * @property {() => void} leaveEmpty opens a new chat if nothing is left of one that the server never had
 * @property {{find: (id: string) => ActedView | undefined, focus: (id: string) => void}} transcript
 * @property {() => {
 *   change: (id: string, change: Change) => Promise<unknown>, removeMessage: (id: string, message: string) => Promise<unknown>,
 *   restoreMessage: (id: string, message: string) => Promise<unknown>,
 *   changeMessage: (id: string, message: string, change: import("../conversations/api.js").MessageChange) => Promise<unknown>,
 *   branch: (id: string, branch: {conversation: string, message: string}) => Promise<import("../conversations/api.js").Summary>,
 * }} changes to the conversation that is open now
 * @property {Outbox} outbox
 * @property {{write: (text: string) => void, focus: () => void, readonly isEmpty: boolean}} composer
 * @property {{readonly library: {onSummary: (summary: import("../conversations/api.js").Summary) => void}}} libraryUI
 * @property {{show: (toast: Toast) => void}} toasts
 * @property {{say: (state: string) => void}} announcer
 * @property {(text: string) => Promise<boolean>} copy
 */

/** @implements {MessageDelegate} */
export class MessageCommands {
  #parts;
  #answers;
  #notes;

  /** @param {CommandParts} parts */
  constructor(parts) {
    this.#parts = parts;
    this.#answers = new AnswerCommands(parts);
    this.#notes = new NoteCommands(parts);
  }

  /**
   * @param {ActionName} name
   * @param {string} id
   */
  messageActed(name, id) {
    const note = this.#noteOf(id);
    if (note) return this.#copy("copy", id, note.request.content ?? "");
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
      case "explore":
      case "unexplore":
        return this.#parts.explore(id);
      case "branch":
        return void this.#answers.branch(this.#open.id, id, this.#parts.newId());
      case "delete":
        return void this.#remove(message);
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
    const note = this.#noteOf(id);
    if (note) return this.#notes.offered(name, note);
    const message = this.#open.tree.find(id);
    if (!message) return;
    if (name === "dismiss") return this.#dismissContinuation(message);
    if (name === "continue") return this.#continueAnswer(message);
    this.#parts.ask({ parent: message.role === "assistant" ? message.parent : id });
  }

  /**
   * Send the edited text as another version of the message, in a new branch.
   * @param {string} id
   * @param {string} text
   */
  messageEdited(id, text) {
    const note = this.#noteOf(id);
    if (note) return this.#notes.askAgain(note, text);
    const message = this.#open.tree.find(id);
    if (message) this.#parts.ask({ parent: message.parent, content: text, edited: id });
  }

  /**
   * Send the results of an answer's calls, which the model answers.
   * @param {string} id
   * @param {import("../protocol/messages.js").ToolResult[]} results
   */
  resultsGiven(id, results) {
    this.#parts.ask({ parent: id, results });
    this.#parts.composer.focus(); // the form, which had the focus, is removed
  }

  /**
   * @param {string} id
   * @param {AnswerEdit} edit
   * @returns {Promise<boolean>} false if it was not saved
   */
  answerEdited(id, edit) {
    return this.#answers.edited(id, edit);
  }

  /**
   * Show another version of a message, and the messages below it.
   * @param {string} id
   * @param {number} step -1 or 1
   * @returns {boolean} whether the message has several versions
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

  /**
   * Open the editor of the user's last message.
   * @returns {boolean} whether there is a message to edit
   */
  editLast() {
    const { path, writing } = this.#open;
    if (writing.length > 0) return false;
    const note = notesAlong(this.#parcels, this.#open).get(path.length - 1)?.findLast(({ request }) => request.content !== undefined);
    if (note) return this.#notes.edit(note);
    const last = path.findLast(({ role }) => role === "user");
    if (!last) return false;
    const view = this.#parts.transcript.find(last.id);
    view?.edit();
    return view !== undefined;
  }

  get #open() {
    return this.#parts.open();
  }

  /** Changes of the open conversation: on the server, or for a temporary one here. */
  get #api() {
    return this.#parts.changes();
  }

  get #parcels() {
    return this.#parts.outbox.of(this.#open.id);
  }

  /** @param {string} id */
  #noteOf(id) {
    return noteOf(this.#parcels, id);
  }

  /** @param {Message} message */
  #continueAnswer(message) {
    this.#dismissContinuation(message);
    this.#parts.ask({ parent: message.id });
  }

  /** @param {Message} message */
  #dismissContinuation(message) {
    for (const { request, failure } of this.#parcels) {
      if (failure && request.parent === message.id && request.content === undefined) this.#parts.outbox.remove(request.id);
    }
    this.#parts.refresh();
  }

  /**
   * @param {ActionName} name
   * @param {string} id
   * @param {string} text
   */
  async #copy(name, id, text) {
    if (await this.#parts.copy(text)) return this.#copied(name, id);
    this.#parts.toasts.show({ text: "Your browser blocked copying. Select the text and copy it yourself.", tone: "bad" });
  }

  /**
   * @param {ActionName} name
   * @param {string} id
   */
  #copied(name, id) {
    this.#parts.transcript.find(id)?.confirm(name);
    this.#parts.announcer.say("Copied");
  }

  /** @param {Message} message */
  async #remove(message) {
    const { id } = this.#open;
    const open = this.#open;
    try {
      await this.#api.removeMessage(id, message.id);
      const action = { label: "Undo", act: () => this.#restore(open, message.id) };
      this.#parts.toasts.show({ text: message.role === "user" ? "Message deleted" : "Answer deleted", action });
    } catch (error) {
      if (!isGone(error)) reportTrouble(this.#parts.toasts, "Couldn't delete.", error, () => this.#remove(message));
    }
    open.read();
  }

  /**
   * @param {OpenConversation} open
   * @param {string} message
   */
  async #restore(open, message) {
    try {
      await this.#api.restoreMessage(open.id, message);
    } catch (error) {
      reportTrouble(this.#parts.toasts, "Couldn't undo.", error, () => this.#restore(open, message));
    }
    open.read();
  }

  /** @param {string} leaf */
  async #keepLeaf(leaf) {
    const { id } = this.#open;
    try {
      await this.#api.change(id, { leaf });
    } catch (error) {
      reportTrouble(this.#parts.toasts, "Couldn't save which version is shown.", error, () => this.#keepLeaf(leaf));
    }
  }
}

/** @param {unknown} error */
function isGone(error) {
  return error instanceof ApiError && error.status === 404;
}
