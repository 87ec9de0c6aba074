/** StreamUI: a streaming chat for any web page, in one container element. docs/embedding.md says how to use it. */

import { DraftAhead } from "./composer/draft-ahead.js";
import { AnswerControl } from "./embed/answer-control.js";
import { Dialogue, describeTurn } from "./embed/dialogue.js";
import { embedElements } from "./embed/embed-elements.js";
import { GuardedStorage } from "./guarded-storage.js";
import { newId } from "./protocol/messages.js";
import { wellFormed } from "./protocol/well-formed.js";
import { Announcer } from "./rendering/announcer.js";
import { ComposerView } from "./rendering/composer-view.js";
import { ConnectionView } from "./rendering/connection-view.js";
import { IdleQueue } from "./rendering/markdown/idle-queue.js";
import { NearObserver } from "./rendering/near-observer.js";
import { Scroller } from "./rendering/scroller.js";
import { TranscriptView } from "./rendering/transcript-view.js";
import { ROOT_PATH } from "./root-path.js";
import { clock, connectionTo } from "./server-connection.js";
import { copyText } from "./ui/clipboard.js";
import { FrameBatcher } from "./ui/frame-batcher.js";
import { MenuView } from "./ui/menu-view.js";
import { WakeObserver } from "./wake-observer.js";

/** @typedef {import("./chat/presenting.js").ActionName} ActionName */
/** @typedef {import("./connection.js").ConnectionState} ConnectionState */
/** @typedef {import("./embed/dialogue.js").DialogueMessage} DialogueMessage */
/** @typedef {import("./embed/dialogue.js").Turn} Turn */
/** @typedef {import("./embed/embed-elements.js").EmbedElements} EmbedElements */
/** @typedef {import("./protocol/session.js").GenerationEvent} GenerationEvent */
/** @typedef {import("./protocol/session.js").SessionEvent} SessionEvent */
/**
 * @typedef {object} StreamUIOptions
 * @property {string} [url] address of the server; default: the server that this module comes from
 * @property {string} [token] for a server that requires tokens
 * @property {string} [system] system prompt of every answer
 * @property {string} [model] name of the model that answers; default: the server's
 * @property {Record<string, unknown>} [params] sampling parameters of every answer (PROTOCOL.md 4.2)
 * @property {boolean} [draftAhead] whether the server may read the unsent text of the input ahead; default: true
 * @property {DialogueMessage[]} [messages] earlier messages to continue from, oldest first, beginning with the user's
 * @property {string} [placeholder] text in the empty input
 * @property {string} [greeting] text of the empty chat
 */

/** Address of the server that this module comes from. */
const HOME = `${new URL(import.meta.url).origin}${ROOT_PATH}`;
const STYLES = new URL("./embed.css", import.meta.url).href;
/** Words for a server that refuses the connection, by close code (PROTOCOL.md 9). */
const REFUSED = { 4401: "The server needs a valid token.", 4408: "The server needs a valid token." };

/**
 * A streaming chat in a container element. It keeps the dialogue in memory only.
 *
 * Dispatches CustomEvents with these details:
 * - `connection` `{state: "connecting" | "connected" | "waiting" | "refused" | "stopped", model: string | null}`
 * - `question` `{text: string}`: a question was sent, or the model has read an instruction in mid-answer
 * - `token` `{text: string, seq: number, n: number}`: more text of the answer arrived: events `seq - n + 1` to `seq`
 * - `tuned` `{params: object}`: parameters that hold from here on in the answer that is being written
 * - `answer` `{text: string, reason: string, tokens: number}`: an answer ended; `reason` as in `done` (PROTOCOL.md 5.5)
 * - `error` `{code: string}`: an answer, an instruction or a change of parameters was refused (PROTOCOL.md 8), or an answer is `lost`
 */
export class StreamUI extends EventTarget {
  #settings;
  #dialogue;
  #control;
  #draftAhead;
  #elements;
  #connection;
  #transcript;
  #composer;
  #connectionView;
  #announcer;
  #wake;
  #isDestroyed = false;

  /**
   * @param {HTMLElement} container gets the chat as its last child, which fills its height
   * @param {StreamUIOptions} [options]
   */
  constructor(container, { url = HOME, token, system, model, params, draftAhead = true, messages, placeholder = "Write a message", greeting = "What can I help with?" } = {}) {
    super();
    const server = new URL(url, location.href).href.replace(/\/+$/, "");
    const elements = embedElements(container, { styles: STYLES, placeholder, greeting });
    const batcher = new FrameBatcher(requestAnimationFrame.bind(window), cancelAnimationFrame.bind(window));
    this.#settings = { system, model, params };
    this.#dialogue = new Dialogue(newId, messages);
    this.#elements = elements;
    this.#announcer = new Announcer(elements.announcer, clock, () => document.hidden);
    this.#composer = new ComposerView(elements.composer, { queues: false });
    this.#connectionView = new ConnectionView(elements.header, clock, () => navigator.onLine, REFUSED);
    this.#transcript = new TranscriptView(
      elements.transcript,
      batcher,
      new Scroller(elements.viewport, elements.toEnd),
      new NearObserver(elements.viewport),
      new IdleQueue(),
      new MenuView(elements.viewport),
      () => {},
    );
    this.#connection = connectionTo(server, {
      storage: new GuardedStorage(() => localStorage, ` ${server}`),
      logIn: () => {},
      token,
    });
    this.#control = new AnswerControl(this.#dialogue, this.#connection, model);
    this.#draftAhead = draftAhead ? this.#newDraftAhead() : null;
    this.#wake = new WakeObserver({ pageWoke: () => this.#woke(), pageSlept: () => {} });
    this.#start();
  }

  /** Messages so far, for example to store them and to pass them to another StreamUI as `messages`. */
  get messages() {
    return this.#dialogue.messages;
  }

  /** True while an answer is being written. */
  get isAnswering() {
    return this.#dialogue.running !== undefined;
  }

  /**
   * Send a question. Without a connection it is sent as soon as there is one.
   * @param {string} text
   * @returns {boolean} false if the text is blank, an answer is being written, or the chat was destroyed
   */
  send(text) {
    if (text.trim() === "" || this.isAnswering || this.#isDestroyed) return false;
    this.#request(this.#dialogue.ask(wellFormed(text)));
    return true;
  }

  /**
   * Stop the answer that is being written. Its text so far stays.
   * @returns {boolean} false if no answer is being written
   */
  stop() {
    const turn = this.#dialogue.running;
    if (!turn) return false;
    turn.answer.isStopping = true;
    this.#connection.cancel(turn.log);
    this.#show();
    return true;
  }

  /**
   * Give the model an instruction while it writes, such as "shorter". The answer continues after it.
   * @param {string} text
   * @returns {boolean} false if the text is blank, or no answer that can be steered is being written
   */
  steer(text) {
    return this.#control.steer(text);
  }

  /**
   * Change sampling parameters of the answer that is being written, such as `{temperature: 0.2}`, from its next token on.
   * Other answers keep those of the options. A `tuned` event follows once they apply.
   * @param {Record<string, unknown>} params (PROTOCOL.md 4.2)
   * @returns {boolean} false if there are none, or no answer that can be tuned is being written
   */
  tune(params) {
    return this.#control.tune(params);
  }

  /**
   * Ask for the likeliest tokens at a place of the newest answer, running or done.
   * @param {number} seq the place before the event with this number, as in the details of `token`
   * @param {number} [count] 1 to 20; default: 10
   * @returns {Promise<import("./protocol/messages.js").Alternative[]>} rejected with an error that has a `code`
   */
  alternatives(seq, count) {
    return this.#control.alternatives(seq, count);
  }

  /**
   * Write the newest answer again from a place of it. The new answer replaces it, unless the server refuses that.
   * @param {number} seq the place before the event with this number
   * @param {string} [text] what the answer has there; default: what the model chooses
   * @returns {boolean} false if an answer is being written, or the newest one can't be forked
   */
  fork(seq, text) {
    if (this.isAnswering || this.#isDestroyed || !this.#control.canFork) return false;
    const request = this.#dialogue.fork({ seq, ...(text === undefined ? {} : { text: wellFormed(text) }) });
    if (request) this.#begin(request);
    return request !== undefined;
  }

  /** Stop the running answer, close the connection and remove the chat from the page. */
  destroy() {
    if (this.#isDestroyed) return;
    this.stop();
    this.#isDestroyed = true;
    this.#wake.stop();
    this.#connection.stop();
    this.#connectionView.stop();
    this.#draftAhead?.stop();
    this.#composer.stop();
    this.#transcript.stop();
    this.#elements.host.remove();
  }

  /** Uses the switch of the server's own page, which is known where the chat is on that page's origin. */
  #newDraftAhead() {
    return new DraftAhead({
      input: this.#elements.composer.input,
      document,
      composer: this.#composer,
      connection: this.#connection,
      storage: new GuardedStorage(() => localStorage),
      clock,
    });
  }

  #start() {
    this.#elements.root.addEventListener("keydown", (event) => this.#keyPressed(/** @type {KeyboardEvent} */ (event)));
    this.#composer.start({
      composerSent: (text) => void this.send(text),
      composerSteered: (text) => void this.steer(text),
      composerStopped: () => void this.stop(),
    });
    this.#transcript.start({
      transcriptSuggested: (text) => void this.send(text),
      messageActed: (name, id) => void this.#act(name, id),
      messageOffered: () => this.#askAgain(),
      messageEdited: () => {},
    });
    this.#connectionView.start({ connectionRetried: () => this.#connection.retryNow() });
    this.#draftAhead?.start((text) => this.#dialogue.draftOf(wellFormed(text), this.#settings));
    this.#wake.start();
    this.#show();
    this.#connection.start({
      connectionChanged: (state) => this.#connectionChanged(state),
      connectionDelivered: (event) => this.#delivered(event),
    });
  }

  /** @param {KeyboardEvent} event */
  #keyPressed(event) {
    if (event.key === "Escape" && this.stop()) event.preventDefault();
  }

  #woke() {
    this.#connection.wake();
    this.#announcer.shown();
  }

  /** @param {Turn} turn */
  #request(turn) {
    this.#begin(this.#dialogue.requestFor(turn, this.#settings));
    this.#emit("question", { text: turn.question });
  }

  /** @param {import("./protocol/messages.js").PlainGenerate | import("./protocol/messages.js").ForkGenerate} request */
  #begin(request) {
    this.#connection.generate(request);
    this.#draftAhead?.sent();
    this.#show();
    this.#transcript.follow();
    this.#announcer.forget();
    this.#announcer.say("Answer started");
  }

  #askAgain() {
    if (this.isAnswering) return;
    const turn = this.#dialogue.askAgain();
    if (turn) this.#request(turn);
  }

  /**
   * @param {ActionName} name
   * @param {string} id of the message
   */
  async #act(name, id) {
    if (name === "regenerate") return this.#askAgain();
    const shown = this.#dialogue.present(this.#control.isConnected).find((message) => message.id === id);
    const view = this.#transcript.find(id);
    if (!shown || !view) return;
    if (await copyText(name === "copy-text" ? view.plainText : shown.text)) view.confirm(name);
  }

  /** @param {ConnectionState} state */
  #connectionChanged(state) {
    this.#control.connectionChanged(state);
    this.#connectionView.show(state);
    this.#show();
    this.#emit("connection", { state: state.name, model: state.name === "connected" ? state.welcome.model?.name ?? null : null });
  }

  /** @param {SessionEvent} event */
  #delivered(event) {
    if (event.type === "conversation" || event.type === "model") return;
    if (event.type === "unsteered") return this.#unsteered(event);
    if (event.type === "untuned") return this.#emit("error", { code: event.error.code });
    const couldSteer = this.#control.canSteer;
    const turn = this.#dialogue.receive(event);
    if (!turn) return;
    if (event.type === "steered") this.#emit("question", { text: event.content });
    if (event.type === "steered" || couldSteer !== this.#control.canSteer) this.#show();
    if (turn.isRunning) this.#progressed(turn, event);
    else this.#ended(turn);
  }

  /**
   * Update only the view of the answer, since a hundred events a second may arrive.
   * @param {Turn} turn
   * @param {GenerationEvent} event
   */
  #progressed(turn, event) {
    const view = this.#transcript.find(turn.generation);
    if (event.type === "token") {
      view?.append(event.text);
      this.#announcer.wrote(event.text);
      this.#emit("token", { text: event.text, seq: event.seq, n: event.n ?? 1 });
    }
    if (event.type === "tuned") this.#emit("tuned", { params: event.params });
    if (event.type === "snapshot") {
      view?.rewrite(turn.answer.text);
      this.#announcer.forget();
    }
    view?.showStatus(describeTurn(turn, this.#control.isConnected));
  }

  /**
   * Keep an instruction that the model did not get in the input.
   * @param {import("./protocol/changes.js").Unsteered} event
   */
  #unsteered({ content, error }) {
    this.#composer.prepend(content);
    this.#announcer.say("The model didn't get your instruction");
    this.#emit("error", { code: error.code });
  }

  /** @param {Turn} turn */
  #ended({ answer: { text, done }, problem }) {
    this.#show();
    this.#draftAhead?.chatChanged();
    const isBad = problem !== null || done?.reason === "failed" || done?.reason === "interrupted";
    this.#announcer.ended(isBad ? "Answer failed" : done?.reason === "cancelled" ? "Answer stopped" : "Answer finished");
    if (problem !== null) this.#emit("error", { code: problem });
    else if (done) this.#emit("answer", { text, reason: done.reason, tokens: done.usage?.completion_tokens ?? 0 });
  }

  #show() {
    const { running } = this.#dialogue;
    const shown = this.#dialogue.present(this.#control.isConnected);
    if (shown.length === 0) this.#transcript.showWelcome();
    else this.#transcript.show(shown);
    this.#composer.show(!running ? "idle" : running.answer.isStopping ? "stopping" : "running", this.#control.canSteer);
  }

  /**
   * @param {string} type
   * @param {Record<string, unknown>} detail
   */
  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
