/** Commands on a message that was not sent: edit, send again, delete. */

import { placeOf, questionId } from "../conversations/overlay.js";

/** @typedef {import("../conversations/outbox.js").Parcel} Parcel */
/** @typedef {import("./message-commands.js").CommandParts} CommandParts */
/** @typedef {import("./presenting.js").OfferName} OfferName */

export class NoteCommands {
  #parts;

  /** @param {CommandParts} parts */
  constructor(parts) {
    this.#parts = parts;
  }

  /**
   * @param {OfferName} name
   * @param {Parcel} note
   */
  offered(name, note) {
    const { request } = note;
    if (name === "edit") return void this.edit(note);
    if (name === "discard") return this.#discard(note);
    this.#parts.outbox.remove(request.id);
    if (name === "dismiss") return this.#parts.refresh();
    if (request.content === undefined) return this.#parts.ask({ parent: request.parent, ...(request.from ? { from: request.from } : {}) });
    if (name === "elsewhere") return this.#parts.askElsewhere(request.content);
    this.askAgain(note, request.content);
  }

  /**
   * Send an unsent message again: an edited version at its old place, a message from the composer at the end of the
   * branch.
   * @param {Parcel} note
   * @param {string} content
   */
  askAgain(note, content) {
    const { tree, leaf } = this.#parts.open();
    this.#parts.outbox.remove(note.request.id);
    if (note.edited === undefined) return this.#parts.ask({ parent: leaf, content });
    this.#parts.ask({ parent: placeOf(note, { messages: tree.all, leaf }), content, edited: note.edited });
  }

  /**
   * Move an unsent message back into the composer. It is edited in the transcript instead if it has a place of its own,
   * or if the composer has a draft.
   * @param {Parcel} note
   * @returns {boolean} whether an editor was opened
   */
  edit({ request, edited }) {
    const { composer, outbox, transcript } = this.#parts;
    if (edited !== undefined || !composer.isEmpty) {
      const view = transcript.find(questionId(request));
      view?.edit();
      return view !== undefined;
    }
    outbox.remove(request.id);
    this.#parts.leaveEmpty();
    composer.write(request.content ?? "");
    this.#parts.refresh();
    composer.focus();
    return true;
  }

  /** @param {Parcel} note */
  #discard(note) {
    const { outbox, toasts, leaveEmpty, refresh } = this.#parts;
    outbox.remove(note.request.id);
    leaveEmpty();
    refresh();
    const putBack = () => {
      outbox.put(note);
      refresh();
    };
    toasts.show({ text: "Message deleted", action: { label: "Undo", act: putBack } });
  }
}
