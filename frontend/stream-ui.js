/**
 * Binds a connection to the views of a chat: what is typed goes to the model, what the model writes is shown.
 * Knows nothing of transports, frames or the DOM. The only one that changes the conversation.
 */

import { Exchange } from "./exchange.js";
import * as lines from "./rendering/status-line.js";

/** @typedef {import("./connection.js").ConnectionDelegate} ConnectionDelegate */
/** @typedef {import("./connection.js").ConnectionState} ConnectionState */
/** @typedef {import("./exchange.js").AnswerView} AnswerView */
/** @typedef {import("./protocol/messages.js").Done} Done */
/** @typedef {import("./protocol/messages.js").ErrorMessage} ErrorMessage */
/** @typedef {import("./protocol/messages.js").Turn} Turn */
/** @typedef {import("./protocol/session.js").SessionEvent} SessionEvent */
/** @typedef {import("./rendering/composer-view.js").ComposerMode} ComposerMode */
/** @typedef {import("./rendering/message-view.js").Offer} Offer */
/** @typedef {import("./rendering/status-line.js").StatusLine} StatusLine */
/**
 * What StreamUI needs of the page and of the connection.
 * @typedef {object} Parts
 * @property {{
 *   start: (delegate: ConnectionDelegate) => void, stop: () => void, retryNow: () => void,
 *   generate: (id: string, messages: Turn[]) => void, cancel: (id: string) => void,
 * }} connection
 * @property {{
 *   start: (delegate: StreamUI) => void, stop: () => void, show: (mode: ComposerMode) => void, focus: () => void,
 *   write: (text: string) => void, readonly isEmpty: boolean,
 * }} composer
 * @property {{
 *   start: (delegate: StreamUI) => void, stop: () => void, add: (prompt: string) => AnswerView, clear: () => void,
 * }} transcript
 * @property {{
 *   start: (delegate: StreamUI) => void, stop: () => void, show: (state: ConnectionState) => void,
 * }} connectionView
 * @property {{say: (sentence: string) => void}} announcer
 * @property {() => string} newId
 */

export class StreamUI {
  #parts;
  /** @type {Exchange[]} */
  #exchanges = [];
  /** @type {Exchange | null} */
  #running = null;
  #isConnected = false;
  #hasBeenConnected = false;

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts;
  }

  start() {
    this.#parts.composer.start(this);
    this.#parts.transcript.start(this);
    this.#parts.connectionView.start(this);
    this.#parts.connection.start(this);
    this.#parts.composer.focus();
  }

  /** Ends everything that `start` began; answers go on at the server. */
  close() {
    this.#parts.connection.stop();
    this.#parts.connectionView.stop();
    this.#parts.transcript.stop();
    this.#parts.composer.stop();
  }

  /**
   * Asks the model, unless it still answers.
   * @param {string} prompt
   * @returns {boolean} whether it was asked
   */
  send(prompt) {
    if (this.#running) return false;
    const messages = [...this.#turns(), /** @type {Turn} */ ({ role: "user", content: prompt })];
    const exchange = this.#begin(prompt);
    this.#parts.connection.generate(exchange.id, messages);
    return true;
  }

  /** Stops the answer that is being written. */
  stop() {
    if (!this.#running) return;
    this.#running.stopping();
    this.#parts.composer.show("stopping");
    this.#parts.connection.cancel(this.#running.id);
  }

  /** Forgets the conversation and begins an empty one. An answer that is being written is stopped. */
  startNewChat() {
    const running = this.#running;
    this.#exchanges = [];
    this.#running = null;
    this.#parts.transcript.clear();
    this.#parts.composer.show("idle");
    this.#parts.composer.focus();
    if (running) this.#parts.connection.cancel(running.id);
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
    this.#running?.connectionChanged(this.#isConnected);
  }

  /** @param {SessionEvent} event */
  connectionDelivered(event) {
    const exchange = this.#running;
    if (exchange?.id !== event.id) return;
    switch (event.type) {
      case "accepted":
        return exchange.accepted(event);
      case "status":
        return exchange.statusChanged(event);
      case "token":
        return exchange.grew(event);
      case "snapshot":
        return exchange.replaced(event);
      case "done":
        return this.#finished(exchange, event);
      case "rejected":
        return this.#rejected(exchange, event.error);
      case "withdrawn":
        return this.#end(exchange, lines.WITHDRAWN, [this.#tryAgain(exchange)], "Answer stopped");
      case "lost":
        return this.#end(exchange, lines.LOST, [this.#tryAgain(exchange)], "Answer interrupted");
    }
  }

  /** @param {string} prompt */
  #begin(prompt) {
    const { transcript, composer, announcer, newId } = this.#parts;
    this.#exchanges.at(-1)?.settle();
    const exchange = new Exchange(newId(), prompt, transcript.add(prompt), this.#isConnected);
    this.#exchanges.push(exchange);
    this.#running = exchange;
    composer.show("running");
    announcer.say("Answer started");
    return exchange;
  }

  /**
   * @param {Exchange} exchange
   * @param {Done} done
   */
  #finished(exchange, done) {
    const mayTryAgain = done.reason === "failed" || done.reason === "interrupted";
    const offers = mayTryAgain ? [this.#tryAgain(exchange)] : [];
    const sentence = done.reason === "cancelled" ? "Answer stopped" : mayTryAgain ? "Answer failed" : "Answer finished";
    this.#end(exchange, lines.describeEnd(done), offers, sentence);
  }

  /**
   * @param {Exchange} exchange
   * @param {ErrorMessage} error
   */
  #rejected(exchange, error) {
    const offers = [this.#hasOutgrown(exchange, error) ? this.#startAfresh(exchange) : this.#tryAgain(exchange)];
    if (!error.retryable) offers.push(this.#edit(exchange));
    this.#end(exchange, lines.describeFailure(error), offers, `Not sent: ${error.message}`);
  }

  /**
   * @param {Exchange} exchange
   * @param {StatusLine} line
   * @param {Offer[]} offers
   * @param {string} sentence
   */
  #end(exchange, line, offers, sentence) {
    exchange.ended(line, offers);
    this.#running = null;
    this.#parts.composer.show("idle");
    this.#parts.announcer.say(sentence);
  }

  /**
   * @param {Exchange} exchange
   * @returns {Offer}
   */
  #tryAgain(exchange) {
    return {
      label: "Try again",
      act: () => {
        this.#remove(exchange);
        this.send(exchange.prompt);
        this.#parts.composer.focus();
      },
    };
  }

  /**
   * Whether it is what was said before that leaves no room in the model's context.
   * @param {Exchange} exchange
   * @param {ErrorMessage} error
   */
  #hasOutgrown(exchange, error) {
    const before = this.#exchanges.filter((other) => other !== exchange);
    return error.code === "context_overflow" && before.some((other) => other.turns.length > 0);
  }

  /**
   * The text stays on the page, and the model is no longer told of it.
   * @param {Exchange} exchange
   * @returns {Offer}
   */
  #startAfresh(exchange) {
    return {
      label: "Send without the earlier messages",
      act: () => {
        for (const other of this.#exchanges) other.forget();
        this.#tryAgain(exchange).act();
      },
    };
  }

  /**
   * Gives the message back to the composer, where a draft that is already there has precedence.
   * @param {Exchange} exchange
   * @returns {Offer}
   */
  #edit(exchange) {
    return {
      label: "Edit message",
      act: () => {
        const { composer, transcript } = this.#parts;
        if (!composer.isEmpty) return composer.focus();
        this.#remove(exchange);
        if (this.#exchanges.length === 0) transcript.clear();
        composer.write(exchange.prompt);
        composer.focus();
      },
    };
  }

  /** @param {Exchange} exchange */
  #remove(exchange) {
    this.#exchanges = this.#exchanges.filter((other) => other !== exchange);
    exchange.remove();
  }

  /** @param {ConnectionState} state */
  #announceConnection({ name }) {
    if (name === "connected" && this.#hasBeenConnected) this.#parts.announcer.say("Connected again");
    if (name === "waiting" && this.#isConnected) this.#parts.announcer.say("Connection lost, reconnecting");
    if (name === "refused") this.#parts.announcer.say("The server refused the connection");
  }

  #turns() {
    return this.#exchanges.flatMap((exchange) => exchange.turns);
  }
}
