/** Commands that keep a text in another form: an answer's own text changed, and a branch as a new chat. */

import { reportTrouble } from "./trouble.js";

/** @typedef {import("../conversations/open-conversation.js").OpenConversation} OpenConversation */
/** @typedef {import("../rendering/message-editing.js").AnswerEdit} AnswerEdit */
/** @typedef {import("./message-commands.js").CommandParts} CommandParts */

export class AnswerCommands {
  #parts;

  /** @param {CommandParts} parts */
  constructor(parts) {
    this.#parts = parts;
  }

  /**
   * Save another text of an answer, and let the model continue it if the user wants that.
   * @param {string} id
   * @param {AnswerEdit} edit
   * @returns {Promise<boolean>} false if it was not saved; the user has been told why
   */
  async edited(id, edit) {
    const open = this.#parts.open();
    const isChanged = edit.text !== edit.was;
    if (isChanged && !(await this.#saveText(open, id, edit))) return false;
    if (!edit.isContinued || this.#parts.open() !== open) return true;
    if (open.takesMessages) this.#parts.ask({ parent: id });
    else this.#parts.toasts.show({ text: "The model can continue this answer once the other one has ended.", tone: "bad" });
    return true;
  }

  /**
   * Copy a message and all above it into a new chat, and open that.
   * @param {string} conversation
   * @param {string} message
   * @param {string} id of the new chat
   */
  async branch(conversation, message, id) {
    try {
      const copy = await this.#parts.changes().branch(id, { conversation, message });
      this.#parts.libraryUI.library.onSummary(copy);
      this.#parts.openChat(id);
      this.#parts.announcer.say("Branch opened as a new chat");
    } catch (error) {
      reportTrouble(this.#parts.toasts, "Couldn't branch.", error, () => void this.branch(conversation, message, id));
    }
  }

  /**
   * @param {OpenConversation} open
   * @param {string} id
   * @param {AnswerEdit} edit
   */
  async #saveText(open, id, { text, was }) {
    try {
      await this.#parts.changes().changeMessage(open.id, id, { content: text, was });
      await open.read();
      this.#parts.announcer.say("Answer saved");
      return true;
    } catch (error) {
      reportTrouble(this.#parts.toasts, "Couldn't save the answer.", error);
      open.read();
      return false;
    }
  }
}
