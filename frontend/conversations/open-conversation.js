/**
 * The conversation that the page shows: what the server has of it, what is on its way there, and what is being written
 * right now. Owns all three. Asks the server again whenever it may know more; knows nothing of how it is painted.
 */

import { ApiError } from "./api.js";
import { LiveAnswer } from "./live-answer.js";
import { MessageTree } from "./message-tree.js";
import { withParcels } from "./overlay.js";
import { CONVERSATION_DELETED, settingsKey } from "./refusals.js";

/** @typedef {import("../protocol/messages.js").Done} Done */
/** @typedef {import("../protocol/session.js").GenerationEvent} GenerationEvent */
/** @typedef {import("./api.js").ConversationDocument} ConversationDocument */
/** @typedef {import("./api.js").Message} Message */
/** @typedef {import("./api.js").MessageState} MessageState */
/** @typedef {import("./api.js").Settings} Settings */
/** @typedef {import("./outbox.js").Outbox} Outbox */
/** @typedef {import("./outbox.js").Parcel} Parcel */
/**
 * new: not on the server before something is said in it. missing: the server has none of this name.
 * @typedef {"new" | "loading" | "ready" | "missing" | "failed"} Phase
 */
/**
 * @typedef {object} OpenConversationParts
 * @property {{read: (id: string) => Promise<ConversationDocument>}} api
 * @property {Pick<Outbox, "of" | "find" | "remove">} outbox
 * @property {() => void} changed after anything that is shown has changed
 */

/** @type {Record<string, MessageState>} what an answer is after it ended for this reason; everything else is failed */
const STATES = { stop: "done", length: "done", cancelled: "stopped", interrupted: "interrupted" };

export class OpenConversation {
  #parts;
  /** @type {Phase} */
  #phase;
  /** @type {ApiError | null} */
  #error = null;
  /** @type {ConversationDocument} */
  #document;
  /** @type {MessageTree} */
  #tree = new MessageTree([]);
  /** @type {Map<string, Message>} by generation */
  #written = new Map();
  /** @type {string | null} */
  #leaf = null;
  /** @type {Message[]} */
  #path = [];
  /** @type {Map<string, LiveAnswer>} by generation; kept beyond its end until the server's own word of it is here */
  #lives = new Map();
  /** @type {Map<string, string>} what there was of generations that the server did not know over this connection */
  #lost = new Map();
  /** @type {string | null} where this page shows another branch than the server's word would have it */
  #chosen = null;
  /** @type {Settings | null} */
  #unsaved = null;
  /** @type {Parcel[]} what was on its way when the branch was last built */
  #waiting = [];
  #isReading = false;
  #isStale = false;
  #hasLeft = false;

  /**
   * @param {string} id
   * @param {boolean} isNew
   * @param {OpenConversationParts} parts
   */
  constructor(id, isNew, parts) {
    this.id = id;
    this.#parts = parts;
    this.#phase = isNew ? "new" : "loading";
    this.#document = emptyDocument(id);
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
    return this.#tree;
  }

  get leaf() {
    return this.#leaf;
  }

  /** @returns {Message[]} the branch that is shown, from its first message to its last */
  get path() {
    return this.#path;
  }

  /** @returns {string[]} generations that write into the branch that is shown */
  get writing() {
    return this.path.flatMap(({ state, generation }) => (state === "writing" && generation ? [generation] : []));
  }

  /** @returns {string[]} generations that write into any branch and that the server is known to have */
  get followed() {
    const writing = [...this.#written.values()].filter(({ state }) => state === "writing");
    return writing.flatMap(({ generation }) => (generation && !this.#parts.outbox.find(generation) ? [generation] : []));
  }

  /** Version that was read last; -1 where none was. */
  get version() {
    return this.#document.version;
  }

  /** Whether the server is known to have it. */
  get isOnServer() {
    return this.#document.version >= 0;
  }

  /** Whether the server is known to have a message in it. It soon forgets one without. */
  get isBegun() {
    return this.#document.messages.length > 0;
  }

  /** Whether it was deleted, or never was. What was not sent in it is still shown. */
  get isGone() {
    return this.#phase === "missing";
  }

  /** @returns {boolean} whether a message can be written now */
  get takesMessages() {
    const isThere = this.#phase === "new" || this.#phase === "ready" || (this.isGone && (this.isBegun || this.#parcels.length > 0));
    return isThere && this.writing.length === 0;
  }

  /** Length of the branch that is shown, in UTF-16 units. */
  get length() {
    return this.#path.reduce((sum, { content }) => sum + content.length, 0);
  }

  /** @returns {string[]} generations that this page listens to */
  get heard() {
    return [...this.#lives.keys()];
  }

  /** @param {string} generation */
  live(generation) {
    return this.#lives.get(generation);
  }

  /** @param {string} generation */
  messageOf(generation) {
    return this.#written.get(generation);
  }

  /**
   * What a message says now.
   * @param {Message} message
   */
  textOf(message) {
    const live = message.state === "writing" && message.generation ? this.#lives.get(message.generation) : undefined;
    return live ? message.content + live.text : message.content;
  }

  /** Reads from the server how it stands, once more where it may have changed meanwhile. */
  async read() {
    this.#isStale = true;
    if (this.#isReading) return;
    this.#isReading = true;
    while (this.#isStale && !this.#hasLeft) {
      this.#isStale = false;
      await this.#readOnce();
    }
    this.#isReading = false;
  }

  /** Reads what may have been missed while there was no connection. */
  catchUp() {
    this.#lost.clear();
    if (this.#phase !== "new") this.read();
  }

  /** The reader has gone to another one: what comes late is of no interest. */
  leave() {
    this.#hasLeft = true;
    this.#lives.clear();
  }

  /**
   * It was deleted elsewhere, or never was.
   * @param {ApiError | null} [error]
   */
  gone(error = null) {
    this.#phase = "missing";
    this.#error = error;
    this.#document = emptyDocument(this.id);
    this.#rebuild();
    this.#parts.changed();
  }

  /** @param {{version: number}} summary */
  heardOf({ version }) {
    if (this.#phase !== "new" && version > this.#document.version) this.read();
  }

  /** Something was put into the outbox by this page: that is what is shown. */
  sent() {
    this.#chosen = null;
    this.outboxChanged();
  }

  /** Something was put into the outbox, or taken from it. */
  outboxChanged() {
    if (this.#phase === "new" && this.#parcels.length > 0) this.#phase = "ready";
    const waiting = new Set(this.#parcels.filter(({ failure }) => !failure).map(({ request }) => request.id));
    for (const [id, live] of this.#lives) if (!live.isTaken && !waiting.has(id)) this.#lives.delete(id);
    this.#rebuild();
    this.#parts.changed();
  }

  /**
   * The server has taken what was sent: from now on it belongs to what the server is known to have.
   * @param {string} generation
   */
  taken(generation) {
    const parcels = this.#parcels.filter(({ request }) => request.id === generation);
    this.#parts.outbox.remove(generation);
    const key = settingsKey(this.#unsaved ?? {});
    if (parcels.some(({ create }) => create && settingsKey(create) === key)) this.#unsaved = null;
    this.#arrivedWith(parcels);
  }

  /** Another tab has changed the outbox. What waited and is gone has arrived; what becomes of it is read next. */
  broughtElsewhere() {
    const arrived = this.#waiting.filter(({ request }) => !this.#parts.outbox.find(request.id));
    if (arrived.length > 0 && !this.isGone) this.#arrivedWith(arrived);
  }

  /**
   * Begins to hear of a generation.
   * @param {string} generation
   * @param {boolean} wasThere
   */
  hear(generation, wasThere) {
    if (!this.#lives.has(generation)) this.#lives.set(generation, new LiveAnswer(wasThere));
  }

  /**
   * Shows that it is being stopped.
   * @param {string} generation
   */
  stopping(generation) {
    const live = this.#lives.get(generation);
    if (live) live.isStopping = true;
  }

  /**
   * Hears nothing more of it.
   * @param {string} generation
   */
  unhear(generation) {
    this.#lives.delete(generation);
  }

  /** @param {GenerationEvent} event */
  receive(event) {
    const live = this.#lives.get(event.id);
    if (!live) return;
    live.receive(event);
    if (event.type !== "done") return;
    this.#finish(event);
    this.#isStale = this.#isReading;
  }

  /**
   * The rest of it will not come.
   * @param {string} generation
   */
  lost(generation) {
    const message = this.messageOf(generation);
    if (message?.state !== "writing") return;
    this.#lost.set(generation, this.textOf(message));
    this.#settleLost(message, generation);
    this.#lives.delete(generation);
  }

  /**
   * Shows another branch.
   * @param {string | null} leaf
   */
  choose(leaf) {
    this.#chosen = leaf;
    this.#rebuild();
  }

  /**
   * Takes settings that may not be the server's, until those are read.
   * @param {Settings} settings
   */
  assume(settings) {
    this.#document = { ...this.#document, settings };
  }

  /**
   * Takes settings that the reader has chosen. They hold against what is read until they are saved.
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
   * These settings are on the server, or can't be.
   * @param {Settings} settings
   */
  settled(settings) {
    if (this.#unsaved === settings) this.#unsaved = null;
  }

  async #readOnce() {
    try {
      const document = await this.#parts.api.read(this.id);
      if (!this.#isStale && !this.#hasLeft) this.#take(document);
    } catch (error) {
      if (!this.#isStale && !this.#hasLeft) this.#fail(error instanceof ApiError ? error : new ApiError(String(error)));
    }
  }

  /** @param {ConversationDocument} document */
  #take(document) {
    this.#phase = "ready";
    this.#error = null;
    if (document.leaf !== this.#document.leaf && this.#document.version >= 0) this.#chosen = null;
    this.#document = this.#unsaved ? { ...document, settings: this.#unsaved } : document;
    this.#forgetEnded();
    for (const message of document.messages) this.#reconcile(message);
    this.#rebuild();
    this.#parts.changed();
  }

  /**
   * What is on the page stays there; nothing is said while there is something to show.
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
   * The server has none of this name: it was deleted, or what is to begin it has not arrived.
   * @param {ApiError} error
   */
  #notFound(error) {
    const isToBegin = this.#parcels.some(({ create }) => create !== null);
    const isDeleted = this.#parcels.some(({ failure }) => failure?.code === CONVERSATION_DELETED.code);
    if (this.isBegun) return this.#lostOnServer(error);
    if (!isToBegin || isDeleted) return this.gone(error);
    this.#document = { ...emptyDocument(this.id), settings: this.#document.settings };
    this.#phase = "ready";
    this.#rebuild();
    this.#parts.changed();
  }

  /**
   * The server no longer has the conversation. What is shown stays until the reader opens another one.
   * @param {ApiError} error
   */
  #lostOnServer(error) {
    this.#phase = "missing";
    this.#error = error;
    this.#parts.changed();
  }

  /**
   * What the server has in the conversation has arrived, and it may tell an end before it has written that into it.
   * @param {Message} message
   */
  #reconcile(message) {
    const { generation, state } = message;
    if (!generation) return;
    if (this.#parts.outbox.find(generation)) this.#arrived(generation);
    const done = this.#lives.get(generation)?.done;
    if (state === "writing" && done) this.#finish(done);
    else if (state === "writing") this.#settleLost(message, generation);
  }

  /**
   * What an earlier page, or another tab, has sent is here: it is followed like any other.
   * @param {string} generation
   */
  #arrived(generation) {
    this.#parts.outbox.remove(generation);
    this.#lives.delete(generation);
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
    for (const [id, live] of this.#lives) if (live.done && !writing.has(id)) this.#lives.delete(id);
  }

  /** @param {Parcel[]} parcels that the server has taken */
  #arrivedWith(parcels) {
    const { messages, leaf } = withParcels(this.#document, parcels);
    this.#document = { ...this.#document, version: Math.max(0, this.#document.version), messages, leaf };
    this.#phase = "ready";
    this.#isStale = this.#isReading;
    this.#rebuild();
  }

  /** @param {Done} done */
  #finish(done) {
    const message = this.#document.messages.find(({ generation }) => generation === done.id);
    if (message?.state !== "writing") return;
    const { reason, usage, timings, limit, error } = done;
    this.#settle(message, { state: STATES[reason] ?? "failed", reason, usage, timings, limit, error });
  }

  /**
   * @param {Message} message
   * @param {Partial<Message>} end
   */
  #settle(message, end) {
    const settled = { ...message, content: this.textOf(message), ...end };
    const messages = this.#document.messages.map((each) => (each.id === message.id ? settled : each));
    this.#document = { ...this.#document, messages };
    this.#rebuild();
  }

  get #parcels() {
    return this.#parts.outbox.of(this.id);
  }

  #rebuild() {
    this.#waiting = this.#parcels.filter(({ failure }) => failure === null);
    const { messages, leaf } = withParcels(this.#document, this.#parcels);
    this.#tree = new MessageTree(messages);
    this.#written = new Map(messages.flatMap((message) => (message.generation ? [[message.generation, message]] : [])));
    const wanted = this.#tree.find(this.#chosen) ? this.#chosen : leaf;
    this.#leaf = this.#tree.find(wanted) ? wanted : this.#tree.tipOf(null);
    this.#path = this.#tree.pathTo(this.#leaf);
  }
}

/**
 * @param {string} id
 * @returns {ConversationDocument} older than any that the server has
 */
function emptyDocument(id) {
  return {
    id,
    title: "",
    created_at: 0,
    updated_at: 0,
    pinned: false,
    version: -1,
    writing: [],
    settings: {},
    leaf: null,
    messages: [],
  };
}
