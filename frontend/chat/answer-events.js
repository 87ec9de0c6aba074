/** Handles the events of generations: updates the open conversation and the view of the answer. */

import { WITHDRAWN } from "../conversations/refusals.js";
import { callsOf, openCalls, shownText } from "../conversations/tool-calls.js";
import { describe } from "./presenting.js";
import { nearsLimit } from "./tuning.js";

/** @typedef {import("../conversations/open-conversation.js").OpenConversation} OpenConversation */
/** @typedef {import("../protocol/messages.js").Done} Done */
/** @typedef {import("../protocol/session.js").GenerationEvent} GenerationEvent */
/**
 * @typedef {object} AnswerHooks
 * @property {() => OpenConversation} open
 * @property {() => boolean} isConnected
 * @property {() => void} show shows the whole open conversation again
 * @property {(event: import("../protocol/messages.js").Steered) => void} steered handles an instruction that was read
 * @property {(event: import("../protocol/changes.js").Unsteered) => void} unsteered handles a refused instruction
 * @property {(event: import("../protocol/changes.js").Untuned) => void} untuned handles refused parameters
 */

export class AnswerEvents {
  #parts;
  #sender;
  #context;
  #hooks;

  /**
   * @param {Pick<import("./chat-parts.js").Parts, "outbox" | "connection" | "announcer"> & {views: import("./message-views.js").MessageViews}} parts
   * @param {import("../conversations/sender.js").Sender} sender
   * @param {import("./context-keeper.js").ContextKeeper} context
   * @param {AnswerHooks} hooks
   */
  constructor(parts, sender, context, hooks) {
    this.#parts = parts;
    this.#sender = sender;
    this.#context = context;
    this.#hooks = hooks;
  }

  get #open() {
    return this.#hooks.open();
  }

  /** @param {GenerationEvent} event */
  receive(event) {
    if (this.#context.receive(event)) return;
    switch (event.type) {
      case "accepted":
      case "attached":
        return this.#onAccepted(event);
      case "rejected":
        return this.#onRefused(event.id, event.error);
      case "withdrawn":
        return this.#onRefused(event.id, WITHDRAWN);
      case "lost":
        this.#open.lost(event.id);
        this.#hooks.show();
        return void this.#open.read();
      case "steered":
        return this.#onSteered(event);
      case "unsteered":
        return this.#hooks.unsteered(event);
      case "untuned":
        return this.#hooks.untuned(event);
      case "done":
        return this.#onDone(event);
      default:
        return this.#onProgress(event);
    }
  }

  /** @param {import("../protocol/messages.js").Accepted | import("../protocol/messages.js").Attached} event */
  #onAccepted(event) {
    const parcel = this.#parts.outbox.find(event.id);
    const isHere = this.#open.live(event.id) !== undefined;
    this.#sender.onAccepted(event.id);
    if (!isHere) {
      this.#parts.outbox.remove(event.id);
      return this.#parts.connection.detach(event.id);
    }
    if (parcel) this.#open.onAccepted(event.id);
    this.#onProgress(event);
  }

  /**
   * Handle the refusal of a request. If another tab has removed it from the outbox, this page has taken it for one that
   * arrived: attach to its answer, which the server has or reports as unknown.
   * @param {string} id
   * @param {import("../conversations/sender.js").Refusal} failure
   */
  #onRefused(id, failure) {
    this.#sender.refused(id, failure);
    if (!this.#open.live(id) || this.#parts.outbox.find(id)) return;
    this.#open.untrack(id);
    this.#hooks.show();
  }

  /** @param {import("../protocol/messages.js").Steered} event */
  #onSteered(event) {
    this.#hooks.steered(event);
    if (!this.#open.live(event.id)) return;
    this.#open.receive(event);
    this.#hooks.show();
  }

  /**
   * Update only the view of the message in the event: a chat may have a thousand messages, and a hundred events a
   * second may arrive.
   * @param {GenerationEvent} event
   */
  #onProgress(event) {
    const isFirst = event.type === "token" && !this.#open.live(event.id)?.isWriting;
    const wasNear = this.#nearsLimit(event.id);
    this.#open.receive(event);
    this.#context.showMeter();
    this.#showProgress(event);
    // From its first text on the answer can be steered, and near its limit it can be made longer.
    const isOffered = isFirst || wasNear !== this.#nearsLimit(event.id);
    if (isOffered || (event.type === "snapshot" && event.steered)) this.#hooks.show();
  }

  /** @param {string} id */
  #nearsLimit(id) {
    return nearsLimit(this.#open.live(id), this.#open.settings);
  }

  /** @param {GenerationEvent} event that is in the open conversation already */
  #showProgress(event) {
    const message = this.#open.messageOf(event.id);
    const view = message && this.#parts.views.find(message.id);
    if (!message || !view || message.state !== "writing") return;
    if (event.type === "token") this.#appendText(message, view, event.text);
    if (event.type === "snapshot") view.rewrite(shownText(this.#open, message));
    if (event.type === "snapshot") view.showCalls(callsOf(this.#open, message));
    if (event.type === "snapshot") this.#parts.announcer.forget();
    view.showStatus(describe(this.#open, message, { isConnected: this.#hooks.isConnected() }));
  }

  /**
   * Append text to a message. Screen readers announce it only at the end of the shown branch. If the model may call
   * functions, the calls are left out of the text.
   * @param {import("../conversations/api.js").Message} message
   * @param {import("../rendering/message-view.js").MessageView} view
   * @param {string} text
   */
  #appendText(message, view, text) {
    const calls = callsOf(this.#open, message);
    const mayCall = calls.length > 0 || this.#open.settings.tools !== undefined;
    const added = mayCall ? view.growTo(shownText(this.#open, message)) : text;
    if (!mayCall) view.append(text);
    if (calls.length > 0) view.showCalls(calls);
    if (message.id === this.#open.leaf) this.#parts.announcer.wrote(added);
  }

  /** @param {Done} done */
  #onDone(done) {
    if (!this.#open.live(done.id)) return;
    this.#context.finished(done);
    this.#open.receive(done);
    this.#hooks.show();
    const isBad = done.reason === "failed" || done.reason === "interrupted";
    const isBeside = this.#open.compared.some((id) => id !== this.#open.leaf && id === done.id);
    if (isBeside) return this.#parts.announcer.say(done.reason === "cancelled" ? "Another answer stopped" : isBad ? "Another answer failed" : "Another answer finished");
    const [call] = done.reason === "stop" ? openCalls(this.#open.path) : [];
    if (call) return this.#parts.announcer.ended(`The model calls ${call.function.name} and waits for the result`);
    this.#parts.announcer.ended(done.reason === "cancelled" ? "Answer stopped" : isBad ? "Answer failed" : "Answer finished");
  }
}
