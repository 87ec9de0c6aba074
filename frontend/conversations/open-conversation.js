/**
 * State of the open conversation: the server's document, messages on their way there, and answers that are being
 * written. Owns all three. Reads the document again whenever it may have changed; knows nothing of the views.
 */

import { endOf } from "./answer-end.js";
import { DocumentReader } from "./document-reader.js";
import { emptyDocument } from "./empty-document.js";
import { LiveAnswer } from "./live-answer.js";
import { withParcels } from "./overlay.js";
import { CONVERSATION_DELETED, settingsKey } from "./refusals.js";
import { ShownBranch } from "./shown-branch.js";
import { withInstructions } from "./steered.js";

/** @typedef {import("../protocol/messages.js").Done} Done */
/** @typedef {import("../protocol/session.js").GenerationEvent} GenerationEvent */
/** @typedef {import("./api-error.js").ApiError} ApiError */
/** @typedef {import("./api.js").ConversationDocument} ConversationDocument */
/** @typedef {import("./api.js").Message} Message */
/** @typedef {import("./api.js").Settings} Settings */
/** @typedef {import("./outbox.js").Outbox} Outbox */
/** @typedef {import("./outbox.js").Parcel} Parcel */
/**
 * Phase of the open conversation. new: not on the server until its first message. missing: the server has no
 * conversation with this id.
 * @typedef {"new" | "loading" | "ready" | "missing" | "failed"} Phase
 */
/**
 * @typedef {object} OpenConversationParts
 * @property {{read: (id: string) => Promise<ConversationDocument>}} api
 * @property {Pick<Outbox, "of" | "find" | "remove">} outbox
 * @property {() => void} changed called after a change of anything that is shown
 * @property {boolean} [isTemporary] whether only this page has the conversation
 */

export class OpenConversation {
  #parts;
  /** @type {Phase} */
  #phase;
  /** @type {ApiError | null} */
  #error = null;
  /** @type {ConversationDocument} */
  #document;
  #branch = new ShownBranch();
  #reader;
  /** @type {Map<string, LiveAnswer>} by generation; kept after the end until the server's document has the answer */
  #liveAnswers = new Map();
  /** @type {Map<string, string>} text of generations that the server did not know on this connection */
  #lost = new Map();
  /** @type {Settings | null} */
  #unsaved = null;
  /** @type {Parcel[]} parcels on their way when the branch was last built */
  #waiting = [];

  /**
   * @param {string} id
   * @param {boolean} isNew
   * @param {OpenConversationParts} parts
   */
  constructor(id, isNew, parts) {
    this.id = id;
    /** True if only this page has the conversation: the document is never read, and gone with the page. */
    this.isTemporary = parts.isTemporary ?? false;
    this.#parts = parts;
    this.#phase = isNew ? "new" : "loading";
    this.#document = emptyDocument(id);
    this.#reader = new DocumentReader({
      read: () => parts.api.read(id),
      received: (document) => this.#useDocument(document),
      failed: (error) => this.#fail(error),
    });
    this.#rebuild();
  }

  get phase() {
    return this.#phase;
  }

  get error() {
    return this.#error;
  }

  get title() {
    return this.#document.title;
  }

  get settings() {
    return this.#document.settings;
  }

  get tree() {
    return this.#branch.tree;
  }

  get leaf() {
    return this.#branch.leaf;
  }

  /** @returns {Message[]} messages of the shown branch, from the first to the last */
  get path() {
    return this.#branch.path;
  }

  /** @returns {string[]} answers that are shown side by side at the end of the branch; empty if none are */
  get compared() {
    return this.#branch.compared;
  }

  /** @returns {string[]} generations that are writing into the shown branch, or into an answer beside its end */
  get writing() {
    return this.#branch.writing;
  }

  /** @returns {string[]} generations that are writing into any branch and that the server has accepted */
  get followed() {
    return this.#branch.writingAnywhere.filter((generation) => !this.#parts.outbox.find(generation));
  }

  /** Version that was read last; -1 before the first read. */
  get version() {
    return this.#document.version;
  }

  /** True if the server is known to have the conversation. */
  get isOnServer() {
    return !this.isTemporary && this.#document.version >= 0;
  }

  /** True if the server is known to have a message of the conversation. It soon forgets an empty one. */
  get isBegun() {
    return this.#document.messages.length > 0;
  }

  /** True if the conversation was deleted, or never existed. Its unsent messages are still shown. */
  get isGone() {
    return this.#phase === "missing";
  }

  /** @returns {boolean} whether the user can send a message now */
  get takesMessages() {
    const isThere = this.#phase === "new" || this.#phase === "ready" || (this.isGone && (this.isBegun || this.#parcels.length > 0));
    return isThere && this.writing.length === 0;
  }

  /** Length of the shown branch, in UTF-16 units. */
  get length() {
    return this.#branch.length;
  }

  /** @returns {string[]} generations whose events this page tracks */
  get tracked() {
    return [...this.#liveAnswers.keys()];
  }

  /** @param {string} generation */
  live(generation) {
    return this.#liveAnswers.get(generation);
  }

  /** @param {string} generation */
  messageOf(generation) {
    return this.#branch.messageOf(generation);
  }

  /**
   * @param {string} generation
   * @returns {string | undefined} name of the model that writes it; undefined: that of the conversation
   */
  modelOf(generation) {
    return this.messageOf(generation)?.model ?? this.live(generation)?.model;
  }

  /**
   * Return the current text of a message, including the received part of an answer.
   * @param {Message} message
   */
  textOf(message) {
    const live = message.state === "writing" && message.generation ? this.#liveAnswers.get(message.generation) : undefined;
    return live ? message.content + live.text : message.content;
  }

  /** Read the document from the server, after a running read if there is one. */
  async read() {
    if (!this.isTemporary) await this.#reader.read();
  }

  /** Read the changes that may have been missed without a connection. */
  catchUp() {
    this.#lost.clear();
    if (this.#phase !== "new") this.read();
  }

  /** Stop using late results: the user has opened another conversation. */
  leave() {
    this.#reader.stop();
    this.#liveAnswers.clear();
  }

  /**
   * Show that the conversation was deleted elsewhere, or never existed.
   * @param {ApiError | null} [error]
   */
  markMissing(error = null) {
    this.#phase = "missing";
    this.#error = error;
    this.#document = emptyDocument(this.id);
    this.#rebuild();
    this.#parts.changed();
  }

  /** @param {{version: number}} summary */
  onSummary({ version }) {
    if (this.#phase !== "new" && version > this.#document.version) this.read();
  }

  /** Show the branch of a message that this page has just put into the outbox. */
  sent() {
    this.#branch.prefer(null);
    this.outboxChanged();
  }

  /** Rebuild the branch after a change of the outbox. */
  outboxChanged() {
    if (this.#phase === "new" && this.#parcels.length > 0) this.#phase = "ready";
    const waiting = new Set(this.#parcels.filter(({ failure }) => !failure).map(({ request }) => request.id));
    for (const [id, live] of this.#liveAnswers) if (!live.isAccepted && !waiting.has(id)) this.#liveAnswers.delete(id);
    this.#rebuild();
    this.#parts.changed();
  }

  /**
   * Move a parcel that the server has accepted from the outbox into the document.
   * @param {string} generation
   */
  onAccepted(generation) {
    const parcels = this.#parcels.filter(({ request }) => request.id === generation);
    this.#parts.outbox.remove(generation);
    const key = settingsKey(this.#unsaved ?? {});
    if (parcels.some(({ create }) => create && settingsKey(create) === key)) this.#unsaved = null;
    this.#addArrived(parcels);
  }

  /**
   * Rebuild the branch after another tab has changed the outbox. Messages that have left it have arrived; the next read
   * shows their answers.
   */
  broughtElsewhere() {
    const arrived = this.#waiting.filter(({ request }) => !this.#parts.outbox.find(request.id));
    if (arrived.length > 0 && !this.isGone) this.#addArrived(arrived);
  }

  /**
   * Start tracking the events of a generation.
   * @param {string} generation
   * @param {boolean} wasThere
   */
  track(generation, wasThere) {
    if (!this.#liveAnswers.has(generation)) this.#liveAnswers.set(generation, new LiveAnswer(wasThere));
  }

  /**
   * Show that a generation is being stopped.
   * @param {string} generation
   */
  stopping(generation) {
    const live = this.#liveAnswers.get(generation);
    if (live) live.isStopping = true;
  }

  /**
   * Stop tracking a generation.
   * @param {string} generation
   */
  untrack(generation) {
    this.#liveAnswers.delete(generation);
  }

  /** @param {GenerationEvent} event */
  receive(event) {
    const live = this.#liveAnswers.get(event.id);
    if (!live) return;
    live.receive(event);
    if (event.type === "steered" || (event.type === "snapshot" && event.steered)) this.#rebuild();
    if (event.type !== "done") return;
    this.#finish(event);
    this.#reader.repeat();
  }

  /**
   * Mark an answer as interrupted: the server no longer has the generation, so the rest of it will not come.
   * @param {string} generation
   */
  lost(generation) {
    const message = this.messageOf(generation);
    if (message?.state !== "writing") return;
    // A divided answer is not repeated after the next read: the server stores its parts as messages, or one message.
    if (this.#liveAnswers.get(generation)?.parts.length) this.#settle(message, { state: "interrupted", reason: "lost" });
    else this.#lost.set(generation, this.textOf(message));
    this.#settleLost(message, generation);
    this.#liveAnswers.delete(generation);
  }

  /**
   * Change the messages of a temporary conversation, and the end of the shown branch.
   * @param {(document: import("./overlay.js").Branching) => import("./overlay.js").Branching} change
   */
  revise(change) {
    this.#document = { ...this.#document, ...change({ messages: this.#document.messages, leaf: this.leaf }) };
    this.#branch.prefer(null);
    this.#rebuild();
    this.#parts.changed();
  }

  /**
   * Show another branch.
   * @param {string | null} leaf
   */
  choose(leaf) {
    this.#branch.prefer(leaf);
    this.#rebuild();
  }

  /**
   * Show these answers side by side at the end of the branch.
   * @param {string[]} answers one of them is the leaf; empty for none
   */
  compare(answers) {
    this.#branch.compare(answers);
  }

  /**
   * Use these settings until the server's settings are read.
   * @param {Settings} settings
   */
  assume(settings) {
    this.#document = { ...this.#document, settings };
  }

  /**
   * Use settings that the user has chosen. They replace the server's settings until they are saved.
   * @param {Settings} settings
   */
  set(settings) {
    this.assume(settings);
    this.#unsaved = settings;
  }

  /** @returns {Settings | null} settings that the server doesn't have yet */
  get unsaved() {
    return this.#unsaved;
  }

  /**
   * Mark these settings as no longer unsaved: they are on the server, or were refused.
   * @param {Settings} settings
   */
  settled(settings) {
    if (this.#unsaved === settings) this.#unsaved = null;
  }

  /** @param {ConversationDocument} document */
  #useDocument(document) {
    this.#phase = "ready";
    this.#error = null;
    if (document.leaf !== this.#document.leaf && this.#document.version >= 0) this.#branch.prefer(null);
    this.#document = this.#unsaved ? { ...document, settings: this.#unsaved } : document;
    this.#forgetEnded();
    for (const message of document.messages) this.#reconcile(message);
    this.#rebuild();
    this.#parts.changed();
  }

  /**
   * Show an error only if the page has nothing to show. Otherwise the old content stays.
   * @param {ApiError} error
   */
  #fail(error) {
    if (error.status === 404) return this.#notFound(error);
    if (this.#document.version >= 0 || this.#parcels.length > 0) return;
    this.#phase = "failed";
    this.#error = error;
    this.#parts.changed();
  }

  /**
   * Handle a missing conversation: it was deleted, or the parcel that creates it has not arrived yet.
   * @param {ApiError} error
   */
  #notFound(error) {
    const isToBegin = this.#parcels.some(({ create }) => create !== null);
    const isDeleted = this.#parcels.some(({ failure }) => failure?.code === CONVERSATION_DELETED.code);
    if (this.isBegun) return this.#showDeleted(error);
    if (!isToBegin || isDeleted) return this.markMissing(error);
    this.#document = { ...emptyDocument(this.id), settings: this.#document.settings };
    this.#phase = "ready";
    this.#rebuild();
    this.#parts.changed();
  }

  /**
   * Show that the server no longer has the conversation. Its messages stay until the user opens another one.
   * @param {ApiError} error
   */
  #showDeleted(error) {
    this.#phase = "missing";
    this.#error = error;
    this.#parts.changed();
  }

  /**
   * Bring a message of the document up to date with events: its parcel has arrived, and `done` may come before the
   * server has written the end into the document.
   * @param {Message} message
   */
  #reconcile(message) {
    const { generation, state } = message;
    if (!generation) return;
    if (this.#parts.outbox.find(generation)) this.#dropParcel(generation);
    const done = this.#liveAnswers.get(generation)?.done;
    if (state === "writing" && done) this.#finish(done);
    else if (state === "writing") this.#settleLost(message, generation);
  }

  /**
   * Drop the parcel of a message that an earlier page or another tab has sent. Its generation is then followed like any
   * other.
   * @param {string} generation
   */
  #dropParcel(generation) {
    this.#parts.outbox.remove(generation);
    this.#liveAnswers.delete(generation);
  }

  /**
   * @param {Message} message
   * @param {string} generation
   */
  #settleLost(message, generation) {
    const content = this.#lost.get(generation);
    if (content !== undefined) this.#settle(message, { state: "interrupted", reason: "lost", content });
  }

  #forgetEnded() {
    const writing = new Set(this.#document.messages.flatMap(({ state, generation }) => (state === "writing" ? [generation] : [])));
    for (const [id, live] of this.#liveAnswers) if (live.done && !writing.has(id)) this.#liveAnswers.delete(id);
  }

  /** @param {Parcel[]} parcels that the server has accepted */
  #addArrived(parcels) {
    const { messages, leaf } = withParcels(this.#document, parcels);
    this.#document = { ...this.#document, version: Math.max(0, this.#document.version), messages, leaf };
    this.#phase = "ready";
    this.#reader.repeat();
    this.#rebuild();
  }

  /** @param {Done} done */
  #finish(done) {
    const message = this.#document.messages.find(({ generation }) => generation === done.id);
    if (message?.state === "writing") this.#settle(message, endOf(done));
  }

  /**
   * @param {Message} message
   * @param {Partial<Message>} end
   */
  #settle(message, end) {
    const { messages, leaf } = withInstructions(this.#document, this.#liveAnswers);
    const last = messages.find(({ generation, state }) => generation === message.generation && state === "writing") ?? message;
    const settled = { ...last, content: this.textOf(last), ...end };
    this.#document = { ...this.#document, messages: messages.map((each) => (each === last ? settled : each)), leaf };
    this.#rebuild();
  }

  get #parcels() {
    return this.#parts.outbox.of(this.id);
  }

  #rebuild() {
    this.#waiting = this.#parcels.filter(({ failure }) => failure === null);
    this.#branch.use(withInstructions(withParcels(this.#document, this.#parcels), this.#liveAnswers));
  }
}
