/**
 * Binds a connection to the views of a chat: what is typed goes to the model, what the model writes is shown.
 * Knows nothing of transports, frames or the DOM.
 */

import { Conversation } from "./conversation.js";
import * as lines from "./rendering/status-line.js";

/** @typedef {import("./connection.js").Clock} Clock */
/** @typedef {import("./connection.js").ConnectionDelegate} ConnectionDelegate */
/** @typedef {import("./connection.js").ConnectionState} ConnectionState */
/** @typedef {import("./connection.js").KnownAnswer} KnownAnswer */
/** @typedef {import("./conversation.js").ConversationParts} ConversationParts */
/** @typedef {import("./exchange.js").Exchange} Exchange */
/** @typedef {import("./kept-chat.js").KeptChatDelegate} KeptChatDelegate */
/** @typedef {import("./kept-chat.js").OfferName} OfferName */
/** @typedef {import("./kept-chat.js").StoredChat} StoredChat */
/** @typedef {import("./protocol/messages.js").Done} Done */
/** @typedef {import("./protocol/messages.js").ErrorMessage} ErrorMessage */
/** @typedef {import("./protocol/messages.js").Params} Params */
/** @typedef {import("./protocol/messages.js").Turn} Turn */
/** @typedef {import("./protocol/session.js").SessionEvent} SessionEvent */
/** @typedef {import("./rendering/composer-view.js").ComposerMode} ComposerMode */
/** @typedef {import("./rendering/status-line.js").StatusLine} StatusLine */
/**
 * What StreamUI needs of the page, of the browser and of the connection.
 * @typedef {object} Parts
 * @property {{
 *   start: (delegate: ConnectionDelegate) => void, stop: () => void, retryNow: () => void,
 *   generate: (id: string, messages: Turn[], params?: Params) => void, resume: (answer: KnownAnswer) => void,
 *   cancel: (id: string) => void, forget: (id: string) => void,
 * }} connection
 * @property {ConversationParts["kept"] & {start: (delegate: KeptChatDelegate) => void, stop: () => void}} kept
 * @property {{
 *   start: (delegate: StreamUI) => void, stop: () => void, show: (mode: ComposerMode) => void, focus: () => void,
 *   write: (text: string) => void, readonly isEmpty: boolean,
 * }} composer
 * @property {ConversationParts["transcript"] & {start: (delegate: StreamUI) => void, stop: () => void}} transcript
 * @property {{
 *   start: (delegate: StreamUI) => void, stop: () => void, show: (state: ConnectionState) => void,
 * }} connectionView
 * @property {{say: (sentence: string) => void}} announcer
 * @property {Clock} clock
 * @property {ConversationParts["settings"]} [settings]
 * @property {() => string} newId
 */

/** @type {Record<OfferName, string>} */
const OFFERS = { retry: "Try again", edit: "Edit message", afresh: "Send without the earlier messages" };

export class StreamUI {
  #parts;
  #conversation;
  #isConnected = false;
  #hasBeenConnected = false;

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts;
    this.#conversation = new Conversation(parts);
  }

  start() {
    this.#parts.composer.start(this);
    this.#parts.transcript.start(this);
    this.#parts.connectionView.start(this);
    this.#parts.kept.start(this);
    this.#conversation.load();
    this.#goOn(this.#conversation.running);
    this.#parts.connection.start(this);
    this.#parts.composer.focus();
  }

  /** Ends everything that `start` began; answers go on at the server. */
  close() {
    this.#conversation.save();
    this.#parts.connection.stop();
    this.#parts.kept.stop();
    this.#parts.connectionView.stop();
    this.#parts.transcript.stop();
    this.#parts.composer.stop();
  }

  /** Keeps all that is on the page: it may be gone in a moment. */
  save() {
    this.#conversation.save();
  }

  /**
   * Asks the model, unless it still answers.
   * @param {string} prompt
   * @returns {boolean} whether it was asked
   */
  send(prompt) {
    if (this.#conversation.running.length > 0) return false;
    const exchange = this.#conversation.begin(this.#parts.newId(), prompt, this.#isConnected);
    this.#parts.connection.generate(exchange.id, exchange.kept.messages, exchange.kept.params);
    this.#parts.announcer.say("Answer started");
    this.#showMode();
    return true;
  }

  /** Stops the answer that is being written. */
  stop() {
    this.#stop(this.#conversation.running);
  }

  /** Forgets the conversation and begins an empty one. An answer that is being written is stopped. */
  startNewChat() {
    const { running } = this.#conversation;
    this.#conversation.clear();
    this.#parts.composer.focus();
    this.#showMode();
    for (const { id } of running) this.#parts.connection.cancel(id);
  }

  /** @param {string} text */
  composerSent(text) {
    this.send(text);
  }

  composerStopped() {
    this.stop();
  }

  /** @param {string} text */
  transcriptSuggested(text) {
    this.send(text);
    this.#parts.composer.focus();
  }

  connectionRetried() {
    this.#parts.connection.retryNow();
  }

  /** @param {ConnectionState} state */
  connectionChanged(state) {
    this.#announceConnection(state);
    this.#isConnected = state.name === "connected";
    this.#hasBeenConnected ||= this.#isConnected;
    this.#parts.connectionView.show(state);
    for (const exchange of this.#conversation.running) exchange.connectionChanged(this.#isConnected);
  }

  /**
   * Another tab has asked, stopped, ended or begun anew.
   * @param {StoredChat} stored
   * @param {boolean} isAnother
   */
  keptChatChanged(stored, isAnother) {
    const { ended, begun, stopped } = this.#conversation.adopt(stored, isAnother, this.#isConnected);
    for (const { id } of ended) this.#parts.connection.forget(id);
    this.#stop(stopped);
    this.#goOn(begun);
  }

  /** @param {SessionEvent} event */
  connectionDelivered(event) {
    const exchange = this.#conversation.find(event.id);
    if (exchange && !exchange.hasEnded) this.#show(exchange, event);
  }

  /**
   * @param {Exchange} exchange
   * @param {SessionEvent} event
   */
  #show(exchange, event) {
    switch (event.type) {
      case "accepted":
        exchange.accepted(event);
        return this.#conversation.save();
      case "attached":
        exchange.taken(event);
        return this.#conversation.save();
      case "status":
        return exchange.statusChanged(event);
      case "token":
        exchange.grew(event);
        return this.#conversation.saveSoon();
      case "snapshot":
        exchange.replaced(event);
        return this.#conversation.saveSoon();
      case "done":
        return this.#finished(exchange, event);
      case "rejected":
        return this.#rejected(exchange, event.error);
      case "withdrawn":
        return this.#end(exchange, lines.WITHDRAWN, ["retry"], "Answer stopped");
      case "lost":
        return this.#end(exchange, lines.LOST, ["retry"], "Answer interrupted");
    }
  }

  /** @param {Exchange[]} exchanges that were there before, or that another tab began */
  #goOn(exchanges) {
    for (const exchange of exchanges) {
      this.#parts.connection.resume(exchange.kept);
      if (exchange.isStopping) this.#parts.connection.cancel(exchange.id);
    }
    this.#offer();
    this.#showMode();
  }

  /** @param {Exchange[]} exchanges */
  #stop(exchanges) {
    if (exchanges.length === 0) return;
    for (const exchange of exchanges) exchange.stopping();
    this.#conversation.save();
    this.#showMode();
    for (const { id } of exchanges) this.#parts.connection.cancel(id);
  }

  /**
   * @param {Exchange} exchange
   * @param {Done} done
   */
  #finished(exchange, done) {
    const mayTryAgain = done.reason === "failed" || done.reason === "interrupted";
    const sentence = done.reason === "cancelled" ? "Answer stopped" : mayTryAgain ? "Answer failed" : "Answer finished";
    this.#end(exchange, lines.describeEnd(done), mayTryAgain ? ["retry"] : [], sentence);
  }

  /**
   * @param {Exchange} exchange
   * @param {ErrorMessage} error
   */
  #rejected(exchange, error) {
    /** @type {OfferName[]} */
    const offers = [this.#hasOutgrown(error) ? "afresh" : "retry"];
    if (!error.retryable) offers.push("edit");
    this.#end(exchange, lines.describeFailure(error), offers, `Not sent: ${error.message}`);
  }

  /**
   * @param {Exchange} exchange
   * @param {StatusLine} line
   * @param {OfferName[]} offers
   * @param {string} sentence
   */
  #end(exchange, line, offers, sentence) {
    exchange.ended({ line, offers });
    this.#conversation.save();
    this.#offer();
    this.#showMode();
    this.#parts.announcer.say(sentence);
  }

  /**
   * Whether it is what was said before that leaves no room in the model's context. What is refused has no text itself.
   * @param {ErrorMessage} error
   */
  #hasOutgrown(error) {
    return error.code === "context_overflow" && this.#conversation.turns.length > 0;
  }

  /** Shows what can be done about the last answer. */
  #offer() {
    const { last } = this.#conversation;
    const names = last?.kept.end?.offers ?? [];
    last?.offer(names.map((name) => ({ label: OFFERS[name], act: () => this.#act(name, last) })));
  }

  /**
   * @param {OfferName} name
   * @param {Exchange} exchange
   */
  #act(name, exchange) {
    if (name === "edit") return this.#edit(exchange);
    if (name === "afresh") this.#conversation.forgetAll();
    this.#conversation.remove(exchange);
    this.send(exchange.prompt);
    this.#parts.composer.focus();
  }

  /**
   * Gives the message back to the composer, where a draft that is already there has precedence.
   * @param {Exchange} exchange
   */
  #edit(exchange) {
    const { composer } = this.#parts;
    if (composer.isEmpty) {
      this.#conversation.remove(exchange);
      composer.write(exchange.prompt);
    }
    composer.focus();
  }

  #showMode() {
    const { running } = this.#conversation;
    const isStopping = running.every((exchange) => exchange.isStopping);
    this.#parts.composer.show(running.length === 0 ? "idle" : isStopping ? "stopping" : "running");
  }

  /** @param {ConnectionState} state */
  #announceConnection({ name }) {
    if (name === "connected" && this.#hasBeenConnected) this.#parts.announcer.say("Connected again");
    if (name === "waiting" && this.#isConnected) this.#parts.announcer.say("Connection lost, reconnecting");
    if (name === "refused") this.#parts.announcer.say("The server refused the connection");
  }
}
