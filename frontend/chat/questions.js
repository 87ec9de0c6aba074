/** Sends questions in the open conversation, or in a new one. */

import { unsentSummary } from "../conversations/library.js";
import { parcelOf } from "./parcels.js";

/** @typedef {import("../conversations/open-conversation.js").OpenConversation} OpenConversation */
/** @typedef {import("./message-commands.js").Question} Question */
/**
 * @typedef {object} QuestionHooks
 * @property {() => OpenConversation} open
 * @property {() => string} model name and context of the server's model
 * @property {() => string | undefined} chosenModel name of the model that the chat's settings name, if the server has it
 * @property {() => void} startNewChat
 * @property {() => void} begun called when a new chat gets its id
 */

export class Questions {
  #parts;
  #sender;
  #hooks;

  /**
   * @param {import("./chat-parts.js").Parts} parts
   * @param {import("../conversations/sender.js").Sender} sender
   * @param {QuestionHooks} hooks
   */
  constructor(parts, sender, hooks) {
    this.#parts = parts;
    this.#sender = sender;
    this.#hooks = hooks;
  }

  /** @param {Question} question */
  ask(question) {
    const { content } = question;
    const open = this.#hooks.open();
    if (open.isGone) return content === undefined ? undefined : this.askElsewhere(content);
    this.#parts.comparisons?.remove(open.id);
    this.#forgetRefusedRequests(open);
    this.#send(question, open);
    this.#sent(open, "Answer started");
  }

  /**
   * Ask one question for several answers. The first brings the question, and the others follow it.
   * @param {string} content
   * @param {string} message id of the question
   * @param {(Pick<Question, "model" | "params"> & {generation: string})[]} answers
   */
  askSeveral(content, message, answers) {
    const open = this.#hooks.open();
    const { leaf } = open;
    this.#forgetRefusedRequests(open);
    for (const [index, { generation, ...how }] of answers.entries()) {
      const asked = index === 0 ? { parent: leaf, content } : { parent: message };
      this.#send({ ...asked, ...how, ids: { generation, message } }, open);
      open.sent(); // the next request has the question in its dialogue, if the chat is temporary
    }
    this.#sent(open, `${answers.length} answers started`);
  }

  /**
   * @param {Question} question
   * @param {OpenConversation} open
   */
  #send(question, open) {
    const { content } = question;
    const { libraryUI, newId } = this.#parts;
    const parcel = parcelOf(question, open, { model: this.#hooks.model(), chosen: this.#hooks.chosenModel(), newId });
    const { request } = parcel;
    const isListed = open.phase === "new" && !open.isTemporary && content !== undefined;
    if (isListed) libraryUI.library.onSummary(unsentSummary(open.id, content, parcel.at));
    open.track(request.id, false);
    this.#sender.send(parcel);
    if (isListed) this.#hooks.begun();
  }

  /**
   * @param {OpenConversation} open
   * @param {string} words for assistive technology
   */
  #sent(open, words) {
    const { address, announcer, transcript } = this.#parts;
    if (!open.isTemporary) address.go(open.id);
    open.sent();
    transcript.follow();
    announcer.forget();
    announcer.say(words);
  }

  /** Ask in a new chat. @param {string} content */
  askElsewhere(content) {
    this.#hooks.startNewChat();
    this.ask({ parent: null, content });
  }

  /**
   * Remove refused requests without text (regenerate, continue) from the outbox: the user is now doing something else.
   * @param {OpenConversation} open
   */
  #forgetRefusedRequests(open) {
    for (const { request, failure } of this.#parts.outbox.of(open.id)) {
      if (failure && request.content === undefined) this.#parts.outbox.remove(request.id);
    }
  }
}
