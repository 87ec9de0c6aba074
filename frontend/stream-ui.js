/** StreamUI: a streaming chat for any web page, in one container element. docs/embedding.md says how to use it. */

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
 * - `token` `{text: string}`: more text of the answer arrived
 * - `answer` `{text: string, reason: string, tokens: number}`: an answer ended; `reason` as in `done` (PROTOCOL.md 5.5)
 * - `error` `{code: string}`: an answer or an instruction was refused (PROTOCOL.md 8), or an answer is `lost`
 */
export class StreamUI extends EventTarget {
  #settings;
  #dialogue;
  #elements;
  #connection;
  #transcript;
  #composer;
  #connectionView;
  #announcer;
  #wake;
  #isConnected = false;
  #steers = false;
  #isDestroyed = false;

  /**
   * @param {HTMLElement} container gets the chat as its last child, which fills its height
   * @param {StreamUIOptions} [options]
   */
  constructor(container, { url = HOME, token, system, model, params, messages, placeholder = "Write a message", greeting = "What can I help with?" } = {}) {
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
    const turn = this.#dialogue.running;
    if (text.trim() === "" || !turn || !this.#isSteerable) return false;
    this.#connection.steer(turn.log, wellFormed(text));
    return true;
  }

  /** Stop the running answer, close the connection and remove the chat from the page. */
  destroy() {
    if (this.#isDestroyed) return;
    this.stop();
    this.#isDestroyed = true;
    this.#wake.stop();
    this.#connection.stop();
    this.#connectionView.stop();
    this.#composer.stop();
    this.#transcript.stop();
    this.#elements.host.remove();
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
    this.#connection.generate(this.#dialogue.requestFor(turn, this.#settings));
    this.#show();
    this.#transcript.follow();
    this.#announcer.forget();
    this.#announcer.say("Answer started");
    this.#emit("question", { text: turn.question });
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
    const shown = this.#dialogue.present(this.#isConnected).find((message) => message.id === id);
    const view = this.#transcript.find(id);
    if (!shown || !view) return;
    if (await copyText(name === "copy-text" ? view.plainText : shown.text)) view.confirm(name);
  }

  get #isSteerable() {
    return this.#isConnected && this.#steers && (this.#dialogue.running?.answer.isWriting ?? false);
  }

  /** @param {import("./protocol/messages.js").Welcome} welcome */
  #canSteer({ models = [], features = [] }) {
    const { model } = this.#settings;
    const entry = model === undefined ? models[0] : models.find(({ name }) => name === model);
    return (entry?.features ?? features).includes("steer");
  }

  /** @param {ConnectionState} state */
  #connectionChanged(state) {
    this.#isConnected = state.name === "connected";
    if (state.name === "connected") this.#steers = this.#canSteer(state.welcome);
    this.#connectionView.show(state);
    this.#show();
    this.#emit("connection", { state: state.name, model: state.name === "connected" ? state.welcome.model?.name ?? null : null });
  }

  /** @param {SessionEvent} event */
  #delivered(event) {
    if (event.type === "conversation" || event.type === "model") return;
    if (event.type === "unsteered") return this.#unsteered(event);
    const couldSteer = this.#isSteerable;
    const turn = this.#dialogue.receive(event);
    if (!turn) return;
    if (event.type === "steered") this.#emit("question", { text: event.content });
    if (event.type === "steered" || couldSteer !== this.#isSteerable) this.#show();
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
      this.#emit("token", { text: event.text });
    }
    if (event.type === "snapshot") {
      view?.rewrite(turn.answer.text);
      this.#announcer.forget();
    }
    view?.showStatus(describeTurn(turn, this.#isConnected));
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
    const isBad = problem !== null || done?.reason === "failed" || done?.reason === "interrupted";
    this.#announcer.ended(isBad ? "Answer failed" : done?.reason === "cancelled" ? "Answer stopped" : "Answer finished");
    if (problem !== null) this.#emit("error", { code: problem });
    else if (done) this.#emit("answer", { text, reason: done.reason, tokens: done.usage?.completion_tokens ?? 0 });
  }

  #show() {
    const { running } = this.#dialogue;
    const shown = this.#dialogue.present(this.#isConnected);
    if (shown.length === 0) this.#transcript.showWelcome();
    else this.#transcript.show(shown);
    this.#composer.show(!running ? "idle" : running.answer.isStopping ? "stopping" : "running", this.#isSteerable);
  }

  /**
   * @param {string} type
   * @param {Record<string, unknown>} detail
   */
  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
