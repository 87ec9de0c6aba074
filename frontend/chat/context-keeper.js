/** Keeps the open conversation within the model's context: counts it, asks what to do, drops or summarizes. */

import { needsChoice } from "../conversations/context-choice.js";
import { ContextSize } from "../conversations/context-size.js";
import { Summarizer } from "../conversations/summarizer.js";

/** @typedef {import("./chat-parts.js").Parts} Parts */
/** @typedef {import("../conversations/api.js").Settings} Settings */
/** @typedef {import("../conversations/open-conversation.js").OpenConversation} OpenConversation */
/** @typedef {import("../protocol/messages.js").Done} Done */
/** @typedef {import("../protocol/session.js").GenerationEvent} GenerationEvent */
/**
 * @typedef {object} ContextHooks
 * @property {() => OpenConversation} open
 * @property {(settings: Settings) => void} set changes the settings of the open conversation
 * @property {() => void} changed called after the count has changed
 * @property {() => boolean} canCount false if the server can't count tokens for the open conversation's model
 */

export class ContextKeeper {
  #parts;
  #hooks;
  #size;
  #summarizer;

  /**
   * @param {Parts} parts
   * @param {ContextHooks} hooks
   */
  constructor(parts, hooks) {
    this.#parts = parts;
    this.#hooks = hooks;
    this.#size = new ContextSize({
      api: parts.api,
      whenQuiet: (then) => parts.transcript.whenQuiet(then),
      changed: () => hooks.changed(),
    });
    this.#summarizer = new Summarizer({
      ...parts,
      changed: () => this.#showChoice(),
      summarized: (conversation, message) => this.#summarized(conversation, message),
      failed: () => parts.toasts.show({ text: "The chat couldn't be summarized.", tone: "bad" }),
    });
  }

  get #open() {
    return this.#hooks.open();
  }

  /** Count of the open conversation; null if it is unknown. */
  get count() {
    return this.#size.now;
  }

  /** Forget the count: the model may have changed. */
  forget() {
    this.#size.forget();
  }

  /** @param {Done} done */
  finished(done) {
    this.#size.finished(done);
  }

  /**
   * Handle an event of a summary's generation.
   * @param {GenerationEvent} event
   * @returns {boolean} false if it belongs to another generation
   */
  receive(event) {
    return this.#summarizer.receive(event);
  }

  showMeter() {
    this.#parts.contextMeter?.show(this.count);
  }

  /** Count the open conversation if it has changed, and show the result. */
  measure() {
    const { leaf, id } = this.#open;
    if (!this.#hooks.canCount()) {
      this.#size.forget();
      this.showMeter();
      return this.#showChoice();
    }
    const isUnsent = this.#parts.outbox.of(id).some(({ request }) => request.id === leaf || request.message_id === leaf);
    this.#size.look(this.#open, leaf !== null && !isUnsent && !this.#open.isTemporary);
    this.showMeter();
    this.#showChoice();
  }

  /** @param {"summarize" | "stop" | "drop"} choice */
  choose(choice) {
    if (choice === "summarize") return this.#summarize();
    if (choice === "stop") return this.#summarizer.cancel(this.#open.id);
    const before = this.#open;
    const { settings } = before;
    this.#hooks.set({ ...settings, truncation: "auto" });
    const undo = () => this.#open === before && this.#hooks.set(settings);
    this.#parts.toasts.show({ text: "The oldest messages will be dropped when needed.", action: { label: "Undo", act: undo } });
    this.#parts.composer.focus();
  }

  /**
   * @param {string} conversation
   * @param {string} message that the summary is stored with
   */
  async removeSummary(conversation, message) {
    try {
      await this.#parts.api.changeMessage(conversation, message, { summary: null });
    } catch {
      this.#parts.toasts.show({ text: "The summary couldn't be removed.", tone: "bad" });
    }
    if (this.#open.id === conversation) this.#open.catchUp();
  }

  #summarize() {
    const { id, path } = this.#open;
    const { count } = this;
    if (count && this.#summarizer.start(id, path, count)) return this.#parts.announcer.say("Summarizing the earlier messages");
    this.#parts.toasts.show({ text: "There is nothing to summarize right now." });
  }

  /**
   * @param {string} conversation
   * @param {string} message that the summary is stored with
   */
  #summarized(conversation, message) {
    const action = { label: "Undo", act: () => this.removeSummary(conversation, message) };
    this.#parts.toasts.show({ text: "The model now sees a summary of the earlier messages.", action });
    if (this.#open.id === conversation) this.#open.catchUp();
  }

  #showChoice() {
    const { outbox, contextChoice } = this.#parts;
    const { settings, path, id } = this.#open;
    const isAsked = needsChoice({ count: this.count, settings, path, parcels: outbox.of(id) });
    contextChoice?.show(isAsked, this.#summarizer.progressIn(id));
  }
}
