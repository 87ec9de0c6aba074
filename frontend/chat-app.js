/**
 * Connection of server, conversations and views: sends the user's messages and shows the answers, in the conversation
 * that the address names. Knows nothing of transports, frames or the DOM.
 */

import { mayPass, reasonFor } from "./conversations/api.js";
import { MessageCommands } from "./conversations/message-commands.js";
import { needsChoice } from "./conversations/context-choice.js";
import { ContextSize } from "./conversations/context-size.js";
import { OpenConversation } from "./conversations/open-conversation.js";
import { unsentSummary } from "./conversations/library.js";
import { describe, present } from "./conversations/presenting.js";
import { CONVERSATION_DELETED, WITHDRAWN, describeRefusal, settingsKey } from "./conversations/refusals.js";
import { QueueRunner } from "./conversations/queue-runner.js";
import { describeQueue, isAutomatic } from "./conversations/queue-rules.js";
import { Summarizer } from "./conversations/summarizer.js";
import { Sender } from "./conversations/sender.js";
import { generate } from "./protocol/messages.js";
import { wellFormed } from "./protocol/well-formed.js";

/** @typedef {import("./connection.js").ConnectionState} ConnectionState */
/** @typedef {import("./conversations/api.js").Settings} Settings */
/** @typedef {import("./conversations/message-commands.js").Question} Question */
/** @typedef {import("./conversations/outbox.js").Parcel} Parcel */
/** @typedef {import("./conversations/presenting.js").ActionName} ActionName */
/** @typedef {import("./conversations/queue.js").Queued} Queued */
/** @typedef {import("./conversations/refusals.js").Circumstances} Circumstances */
/** @typedef {import("./conversations/presenting.js").OfferName} OfferName */
/** @typedef {import("./protocol/messages.js").ConversationChanged} ConversationChanged */
/** @typedef {import("./protocol/messages.js").Done} Done */
/** @typedef {import("./protocol/session.js").GenerationEvent} GenerationEvent */
/** @typedef {import("./protocol/session.js").SessionEvent} SessionEvent */
/**
 * Parts of the page, the browser and the connection.
 * @typedef {object} Parts
 * @property {import("./connection.js").Connection} connection
 * @property {import("./conversations/api.js").ConversationsApi} api
 * @property {import("./conversations/outbox.js").Outbox} outbox
 * @property {import("./library-ui.js").LibraryUI} libraryUI
 * @property {import("./address.js").Address} address
 * @property {import("./rendering/composer-view.js").ComposerView} composer
 * @property {import("./conversations/queue.js").Queue} queue
 * @property {import("./composer/queue-view.js").QueueView} queueView
 * @property {import("./rendering/transcript-view.js").TranscriptView} transcript
 * @property {import("./rendering/connection-view.js").ConnectionView} connectionView
 * @property {import("./rendering/announcer.js").Announcer} announcer
 * @property {import("./ui/toast-view.js").ToastView} toasts
 * @property {import("./rendering/page-title.js").PageTitle} pageTitle
 * @property {import("./composer/context-choice-view.js").ContextChoiceView} [contextChoice]
 * @property {import("./composer/context-meter.js").ContextMeter} [contextMeter]
 * @property {import("./panels/settings.js").KeptSettings} [newChatSettings] settings of the next new chat
 * @property {(text: string) => Promise<boolean>} copy
 * @property {import("./connection.js").Clock} clock
 * @property {() => string} newId
 */
/**
 * @typedef {object} ChatAppDelegate
 * @property {(id: string | null) => void} conversationOpened null for a new chat, which has no id yet
 * @property {() => void} settingsShown called when `settings` has changed
 */

/**
 * Number of messages above a question that are remembered, so that it keeps its place if some are deleted meanwhile.
 */
const MAX_ABOVE = 64;

export class ChatApp {
  #parts;
  #sender;
  #commands;
  #contextSize;
  #runner;
  #summarizer;
  #isConnected = false;
  #hasBeenConnected = false;
  /** Name and context of the server's model, as of the last connection. */
  #model = "";
  #open;
  /** @type {Map<string, {parcels: Parcel[], queued: Queued[]}>} unsent messages of conversations that this page deleted */
  #removed = new Map();
  /** @type {{id: string, by: OpenConversation} | null} conversation that was deleted last while it was open, and the new chat that replaced it */
  #replaced = null;
  /** @type {string | null} message to scroll to as soon as it is loaded */
  #wanted = null;
  /** Search text that found the wanted message. */
  #searched = "";
  /** @type {ChatAppDelegate | null} */
  #delegate = null;
  /** @type {Settings | null} settings sent to the server last; after a failure they are sent again with the next connection only */
  #sentSettings = null;
  #isSaving = false;
  /** Settings that were reported to the delegate last, so that none are reported twice. */
  #reportedSettings = "";

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts;
    this.#sender = new Sender(parts);
    this.#summarizer = new Summarizer({
      ...parts,
      changed: () => this.#showChoice(),
      summarized: (conversation, message) => this.#summarized(conversation, message),
      failed: () => parts.toasts.show({ text: "The chat couldn't be summarized.", tone: "bad" }),
    });
    this.#contextSize = new ContextSize({
      api: parts.api,
      whenQuiet: (then) => parts.transcript.whenQuiet(then),
      changed: () => this.#show(),
    });
    this.#open = this.#opened(null);
    this.#runner = new QueueRunner({
      ...parts,
      open: () => this.#open,
      ask: (question) => this.#ask(question),
      send: (parcel) => this.#sender.send(parcel),
    });
    this.#commands = new MessageCommands({
      ...parts,
      open: () => this.#open,
      ask: (question) => this.#ask(question),
      askElsewhere: (content) => this.#askElsewhere(content),
      refresh: () => this.#refresh(),
      leaveEmpty: () => this.#leaveEmpty(),
    });
  }

  /** @param {ChatAppDelegate} [delegate] */
  start(delegate) {
    this.#delegate = delegate ?? null;
    const { composer, queue, queueView, transcript, connectionView, outbox, address, libraryUI, connection } = this.#parts;
    composer.start(this);
    queue.start(this);
    queueView.start(this);
    this.#parts.contextChoice?.start(this);
    transcript.start(this);
    connectionView.start(this);
    outbox.start(this);
    address.start(this);
    libraryUI.start(this);
    this.#sender.start(this);
    this.#listUnsent();
    this.#turnTo(address.conversation);
    libraryUI.library.refresh();
    connection.watch();
    connection.start(this);
    composer.focus();
  }

  /** End everything that `start` began. The server continues to write the answers. */
  close() {
    const { composer, queue, transcript, connectionView, outbox, address, libraryUI, connection } = this.#parts;
    connection.stop();
    this.#sender.stop();
    libraryUI.stop();
    address.stop();
    outbox.stop();
    queue.stop();
    connectionView.stop();
    transcript.stop();
    this.#parts.contextChoice?.stop();
    composer.stop();
  }

  /**
   * Send a message to the model, unless an answer is being written in the open conversation.
   * @param {string} prompt
   * @returns {boolean} whether the message was sent
   */
  send(prompt) {
    if (!this.mayBeAsked) return false;
    this.#ask({ parent: this.#open.leaf, content: prompt });
    return true;
  }

  /** Stop the answer that is being written in the open conversation. */
  stop() {
    const { writing } = this.#open;
    for (const id of writing) this.#open.stopping(id);
    for (const id of writing) this.#sender.cancel(id);
    this.#show();
    return writing.length > 0;
  }

  /** Show an empty conversation. Answers in other conversations continue. */
  startNewChat() {
    this.#parts.address.go(null);
    this.#turnTo(null);
    this.#parts.composer.focus();
  }

  /** Settings of the open conversation. Those set in a new chat also apply to the next new chat. */
  get settings() {
    return this.#open.settings;
  }

  /** @param {Settings} settings */
  set(settings) {
    this.#reportedSettings = JSON.stringify(settings);
    this.#open.set(settings);
    for (const parcel of this.#parts.outbox.of(this.#open.id)) {
      if (parcel.create && !parcel.failure) this.#parts.outbox.put({ ...parcel, create: settings });
    }
    if (!this.#open.isOnServer) this.#parts.newChatSettings?.set(settings);
    this.#saveSettings();
    this.#show();
  }

  /** Send unsaved settings to the server, if it has the conversation. */
  #saveSettings() {
    const { unsaved, isOnServer } = this.#open;
    if (!unsaved || !isOnServer || this.#isSaving || unsaved === this.#sentSettings) return;
    this.#sentSettings = unsaved;
    this.#changeSettings(this.#open, unsaved);
  }

  #saveAgain() {
    this.#sentSettings = null;
    this.#saveSettings();
  }

  /**
   * Save settings on the server. After a temporary failure they are sent again with the next connection; refused ones
   * are dropped.
   * @param {OpenConversation} open
   * @param {Settings} settings
   */
  async #changeSettings(open, settings) {
    this.#isSaving = true;
    try {
      await this.#parts.api.change(open.id, { settings });
      open.settled(settings);
    } catch (error) {
      if (!mayPass(error)) open.settled(settings);
      const action = mayPass(error) ? { label: "Try again", act: () => this.#saveAgain() } : undefined;
      this.#parts.toasts.show({ text: `Couldn't save the settings. ${reasonFor(error)}`, tone: "bad", action });
      if (!mayPass(error)) open.catchUp();
    } finally {
      this.#isSaving = false;
      this.#saveSettings();
    }
  }

  /**
   * Show the previous or next version of the focused message.
   * @param {number} step -1 or 1
   * @returns {boolean} false if no message has the focus
   */
  turnBranch(step) {
    const { focused } = this.#parts.transcript;
    return focused !== null && this.#commands.turn(focused, step);
  }

  /** @returns {boolean} false if there is nothing to edit */
  editLast() {
    if (!this.#parts.composer.isEmpty) return false;
    const queued = this.#runner.items.at(-1);
    if (!queued) return this.#commands.editLast();
    this.queuedEdited(queued.id);
    return true;
  }

  get mayBeAsked() {
    return this.#open.takesMessages;
  }

  /**
   * Send a message. It is queued while an answer is being written here or the conversation is being loaded.
   * @param {string} text
   */
  composerSent(text) {
    if (this.#open.isGone) return this.#askElsewhere(text);
    if (this.send(text)) return;
    this.#runner.add(text);
    this.#show();
    this.#parts.announcer.say(describeQueue(this.#runner.state, 1));
  }

  /** Show the queue after another tab has changed it. */
  queueChanged() {
    this.#show();
    this.#runner.sendElsewhere();
  }

  /** @param {string} id of a queued message to send now */
  queuedSent(id) {
    if (this.#open.isGone || this.mayBeAsked) this.#runner.send(id);
    this.#show();
  }

  /** @param {string} id of a queued message to move back into the composer */
  queuedEdited(id) {
    const { queue, composer } = this.#parts;
    const item = queue.find(id);
    queue.remove(id);
    if (item) composer.prepend(item.content);
    this.#show();
    composer.focus();
  }

  /** @param {string} id */
  queuedRemoved(id) {
    const { queue, composer, announcer } = this.#parts;
    queue.remove(id);
    this.#show();
    announcer.say("Removed");
    composer.focus();
  }

  composerStopped() {
    this.stop();
  }

  /** @param {string} text */
  transcriptSuggested(text) {
    this.composerSent(text);
    this.#parts.composer.focus();
  }

  /** @param {import("./composer/context-choice-view.js").ContextChoice} choice */
  contextChosen(choice) {
    if (choice === "elsewhere") return this.startNewChat();
    if (choice === "summarize") return this.#summarize();
    if (choice === "stop") return this.#summarizer.cancel(this.#open.id);
    const before = this.#open;
    const { settings } = before;
    this.set({ ...settings, truncation: "auto" });
    const undo = () => this.#open === before && this.set(settings);
    this.#parts.toasts.show({ text: "The oldest messages will be dropped when needed.", action: { label: "Undo", act: undo } });
    this.#parts.composer.focus();
  }

  #summarize() {
    const { id, path } = this.#open;
    const count = this.#contextSize.now;
    if (count && this.#summarizer.start(id, path, count)) return this.#parts.announcer.say("Summarizing the earlier messages");
    this.#parts.toasts.show({ text: "There is nothing to summarize right now." });
  }

  /**
   * @param {string} conversation
   * @param {string} message that the summary is stored with
   */
  #summarized(conversation, message) {
    const action = { label: "Undo", act: () => this.#removeSummary(conversation, message) };
    this.#parts.toasts.show({ text: "The model now sees a summary of the earlier messages.", action });
    if (this.#open.id === conversation) this.#open.catchUp();
  }

  /**
   * @param {string} conversation
   * @param {string} message
   */
  async #removeSummary(conversation, message) {
    try {
      await this.#parts.api.changeMessage(conversation, message, { summary: null });
    } catch {
      this.#parts.toasts.show({ text: "The summary couldn't be removed.", tone: "bad" });
    }
    if (this.#open.id === conversation) this.#open.catchUp();
  }

  /** @type {(name: ActionName, id: string) => void} */
  messageActed(name, id) {
    this.#commands.messageActed(name, id);
  }

  /** @type {(name: OfferName, id: string) => void} */
  messageOffered(name, id) {
    if (name === "unsummarize") return void this.#removeSummary(this.#open.id, id);
    this.#commands.messageOffered(name, id);
    if (name !== "edit") this.#parts.composer.focus();
  }

  /** @type {(id: string, text: string) => void} */
  messageEdited(id, text) {
    this.#commands.messageEdited(id, text);
    this.#parts.composer.focus();
  }

  /**
   * @param {string} id
   * @param {string | null} message to scroll to
   */
  conversationChosen(id, message) {
    this.#searched = message === null ? "" : this.#parts.libraryUI.library.holdings.query;
    this.#parts.address.go(id);
    this.#turnTo(id, message);
    if (message === null) this.#parts.composer.focus();
  }

  /** @param {string} id */
  conversationRemoved(id) {
    const { outbox, queue } = this.#parts;
    const [parcels, queued] = [outbox.of(id), queue.of(id)];
    this.#removed.set(id, { parcels, queued });
    for (const { request } of parcels) outbox.remove(request.id);
    for (const item of queued) queue.remove(item.id);
    if (this.#open.id !== id) return;
    this.startNewChat();
    this.#replaced = { id, by: this.#open };
  }

  /**
   * Bring back a conversation that was deleted here, with its unsent messages.
   * @param {string} id
   * @returns {boolean} whether this browser has unsent messages of it
   */
  conversationRestored(id) {
    const { parcels, queued } = this.#removed.get(id) ?? { parcels: [], queued: [] };
    this.#removed.delete(id);
    for (const parcel of parcels) this.#parts.outbox.put(parcel);
    for (const item of queued) this.#parts.queue.add(item);
    this.#listUnsent();
    this.#sender.sendAll(true);
    return parcels.length > 0;
  }

  /**
   * Show a deleted conversation that the server has restored. It is opened only if it was open when it was deleted and
   * the user has opened nothing else since.
   * @param {string} id
   */
  conversationReturned(id) {
    const isReplaced = this.#replaced?.id === id && this.#replaced.by === this.#open;
    const isUnused = this.#open.phase === "new" && this.#parts.composer.isEmpty;
    if ((isReplaced && isUnused) || this.#open.id === id) this.conversationChosen(id, null);
    else this.#parts.composer.focus();
  }

  libraryShown() {
    this.#showTitle();
  }

  /** @param {string | null} conversation */
  addressChanged(conversation) {
    this.#turnTo(conversation);
  }

  /** Show the outbox after another tab has sent a message, or a message of it has arrived. */
  outboxChanged() {
    this.#listUnsent();
    this.#open.broughtElsewhere();
    this.#trackUnsent(this.#open);
    this.#open.outboxChanged();
    this.#sender.sendAll(true);
    this.#open.catchUp();
  }

  /** @param {Parcel} parcel */
  senderFailed(parcel) {
    const { request, failure, edited } = parcel;
    this.#listUnsent();
    if (request.conversation !== this.#open.id) return this.#failedElsewhere(parcel);
    this.#open.unhear(request.id);
    if (failure?.code === CONVERSATION_DELETED.code) this.#open.gone();
    else this.#open.outboxChanged();
    if (edited !== undefined) this.#parts.transcript.reveal(request.id);
    this.#parts.announcer.ended(failure?.code === WITHDRAWN.code ? "Answer stopped" : describeRefusal(parcel, this.#circumstances).text);
  }

  /**
   * Report a failed message of a conversation that the user has left since.
   * @param {Parcel} parcel
   */
  #failedElsewhere({ request: { conversation, content }, failure }) {
    if (content === undefined || failure?.code === WITHDRAWN.code) return;
    const title = this.#parts.libraryUI.library.find(conversation)?.title || content.trim().slice(0, 40);
    const action = { label: "Show", act: () => this.conversationChosen(conversation, null) };
    this.#parts.toasts.show({ text: `A message in “${title}” wasn't sent.`, tone: "bad", action });
  }

  /** @param {string} conversation */
  senderLearned(conversation) {
    if (conversation !== this.#open.id) return;
    this.#open.outboxChanged();
    this.#open.catchUp();
  }

  connectionRetried() {
    this.#parts.connection.retryNow();
  }

  /** @param {ConnectionState} state */
  connectionChanged(state) {
    this.#announceConnection(state);
    this.#isConnected = state.name === "connected";
    this.#hasBeenConnected ||= this.#isConnected;
    if (state.name === "connected") this.#model = `${state.welcome.model?.name} ${state.welcome.model?.context}`;
    this.#parts.connectionView.show(state);
    this.#sender.connectionChanged(this.#isConnected);
    if (this.#isConnected) {
      this.#contextSize.forget();
      this.#parts.libraryUI.library.refresh();
      this.#saveAgain();
      this.#open.catchUp();
      this.#parts.queue.refresh();
      this.#runner.sendElsewhere();
    }
    this.#showLines();
  }

  /** @param {SessionEvent} event */
  connectionDelivered(event) {
    if (event.type === "conversation") this.#onConversationChanged(event);
    else this.#onGenerationEvent(event);
  }

  /** @param {ConversationChanged} summary */
  #onConversationChanged(summary) {
    this.#parts.libraryUI.library.heard(summary);
    if (summary.id !== this.#open.id && !summary.deleted && summary.writing.length === 0) void this.#runner.conversationIdle(summary.id);
    if (summary.id !== this.#open.id) return;
    if (summary.deleted) this.#open.gone();
    else this.#open.heardOf(summary);
  }

  /** @param {GenerationEvent} event */
  #onGenerationEvent(event) {
    if (this.#summarizer.receive(event)) return;
    switch (event.type) {
      case "accepted":
      case "attached":
        return this.#onAccepted(event);
      case "rejected":
        return this.#sender.refused(event.id, event.error);
      case "withdrawn":
        return this.#sender.refused(event.id, WITHDRAWN);
      case "lost":
        this.#open.lost(event.id);
        this.#show();
        return void this.#open.read();
      case "done":
        return this.#onDone(event);
      default:
        return this.#onProgress(event);
    }
  }

  /** @param {import("./protocol/messages.js").Accepted | import("./protocol/messages.js").Attached} event */
  #onAccepted(event) {
    const parcel = this.#parts.outbox.find(event.id);
    const isHere = this.#open.live(event.id) !== undefined;
    this.#sender.taken(event.id);
    if (!isHere) {
      this.#parts.outbox.remove(event.id);
      return this.#parts.connection.detach(event.id);
    }
    if (parcel) this.#open.taken(event.id);
    this.#onProgress(event);
  }

  /**
   * Update only the view of the message in the event: a chat may have a thousand messages, and a hundred events a
   * second may arrive.
   * @param {GenerationEvent} event
   */
  #onProgress(event) {
    this.#open.receive(event);
    this.#parts.contextMeter?.show(this.#contextSize.now);
    const message = this.#open.messageOf(event.id);
    const view = message && this.#parts.transcript.find(message.id);
    if (!message || !view || message.state !== "writing") return;
    if (event.type === "token") this.#appendText(message.id, view, event.text);
    if (event.type === "snapshot") view.rewrite(this.#open.textOf(message));
    if (event.type === "snapshot") this.#parts.announcer.forget();
    view.showStatus(describe(this.#open, message, this.#isConnected));
  }

  /**
   * Append text to a message. Screen readers announce it only at the end of the shown branch.
   * @param {string} id
   * @param {{append: (text: string) => void}} view
   * @param {string} text
   */
  #appendText(id, view, text) {
    view.append(text);
    if (id === this.#open.leaf) this.#parts.announcer.wrote(text);
  }

  /** @param {Done} done */
  #onDone(done) {
    if (!this.#open.live(done.id)) return;
    this.#contextSize.finished(done);
    this.#open.receive(done);
    this.#show();
    const isBad = done.reason === "failed" || done.reason === "interrupted";
    this.#parts.announcer.ended(done.reason === "cancelled" ? "Answer stopped" : isBad ? "Answer failed" : "Answer finished");
  }

  /** @param {Question} question */
  #ask(question) {
    const { content } = question;
    if (this.#open.isGone) return content === undefined ? undefined : this.#askElsewhere(content);
    const { address, libraryUI, announcer } = this.#parts;
    this.#forgetRefusedRequests();
    const parcel = this.#parcelOf(question);
    const { request } = parcel;
    if (this.#open.phase === "new") libraryUI.library.heard(unsentSummary(this.#open.id, content ?? "", parcel.at));
    this.#open.hear(request.id, false);
    this.#sender.send(parcel);
    if (this.#open.phase === "new") this.#delegate?.conversationOpened(this.#open.id);
    address.go(this.#open.id);
    this.#open.sent();
    this.#parts.transcript.follow();
    announcer.forget();
    announcer.say("Answer started");
  }

  /**
   * @param {Question} question
   * @returns {Parcel}
   */
  #parcelOf({ parent, content, edited, above, ids }) {
    const { newId } = this.#parts;
    const { tree, id: conversation, isBegun, settings } = this.#open;
    const said = content === undefined ? {} : { content: wellFormed(content), message_id: ids?.message ?? newId() };
    const request = generate({ id: ids?.generation ?? newId(), conversation, parent, ...said });
    const path = tree.pathTo(parent);
    const history = path.reduce((sum, message) => sum + message.content.length, 0);
    return {
      request,
      create: isBegun ? null : settings,
      at: Date.now(),
      failure: null,
      above: above ?? path.map(({ id }) => id).reverse().slice(0, MAX_ABOVE),
      ...(edited === undefined ? {} : { edited }),
      asked: { settings: settingsKey(settings), model: this.#model, history },
    };
  }

  /** @param {string} content */
  #askElsewhere(content) {
    this.startNewChat();
    this.#ask({ parent: null, content });
  }

  /**
   * Remove refused requests without text (regenerate, continue) from the outbox: the user is now doing something else.
   */
  #forgetRefusedRequests() {
    for (const { request, failure } of this.#parts.outbox.of(this.#open.id)) {
      if (failure && request.content === undefined) this.#parts.outbox.remove(request.id);
    }
  }

  /** Open a new chat if the open conversation has no messages, neither here nor on the server. */
  #leaveEmpty() {
    const { id, isBegun, isGone, settings } = this.#open;
    if (isBegun || this.#parts.outbox.of(id).length > 0) return;
    if (isGone) return this.#show();
    this.startNewChat();
    this.#open.assume(settings);
    this.#show();
  }

  #refresh() {
    this.#open.outboxChanged();
    this.#listUnsent();
  }

  /**
   * @param {string | null} id
   * @param {string | null} [message] to scroll to
   */
  #turnTo(id, message = null) {
    this.#wanted = message;
    const isNewAlready = id === null && this.#open.phase === "new";
    if (id !== this.#open.id && !isNewAlready) {
      for (const generation of this.#open.heard) this.#parts.connection.detach(generation);
      this.#open.leave();
      this.#open = this.#opened(id);
      this.#parts.transcript.clear();
      this.#parts.announcer.forget();
    }
    this.#delegate?.conversationOpened(id);
    this.#show();
    if (id !== null) this.#open.read();
    this.#runner.sendElsewhere();
  }

  /** @param {string | null} id */
  #opened(id) {
    const { api, outbox, newId } = this.#parts;
    const open = new OpenConversation(id ?? newId(), id === null, { api, outbox, changed: () => this.#show() });
    this.#trackUnsent(open);
    const created = outbox.of(open.id).findLast(({ create }) => create !== null)?.create;
    if (id === null) open.assume(this.#parts.newChatSettings?.settings ?? {});
    else if (created) open.assume(created);
    return open;
  }

  /** @param {OpenConversation} open */
  #trackUnsent(open) {
    for (const { request, failure } of this.#parts.outbox.of(open.id)) if (!failure) open.hear(request.id, false);
  }

  /** @returns {Circumstances} */
  get #circumstances() {
    const { isGone, settings, length } = this.#open;
    return {
      isConnected: this.#isConnected,
      isGone,
      leavesOut: settings.truncation !== "disabled",
      systemLength: settings.system?.length ?? 0,
      settings: settingsKey(settings),
      model: this.#model,
      history: length,
      count: this.#contextSize.now,
    };
  }

  #show() {
    const { transcript, connection, libraryUI } = this.#parts;
    for (const id of this.#open.followed) {
      if (this.#open.live(id)) continue;
      this.#open.hear(id, true);
      connection.follow(id);
    }
    this.#saveSettings();
    this.#measure();
    const shown = present(this.#open, this.#parts.outbox.of(this.#open.id), this.#circumstances);
    if (shown.length > 0) transcript.show(shown);
    else this.#showNotice();
    this.#showMode();
    this.#showTitle();
    libraryUI.mark(this.#open.phase === "new" ? null : this.#open.id);
    this.#reportSettings();
    this.#reveal();
    this.#showQueue();
    this.#runner.sendNext();
  }

  #showQueue() {
    const { items, state } = this.#runner;
    const words = items.length === 0 ? "" : describeQueue(state, items.length);
    this.#parts.queueView.show(items, words, !isAutomatic(state));
  }

  #measure() {
    const { outbox, contextMeter } = this.#parts;
    const { leaf } = this.#open;
    this.#contextSize.look(this.#open, leaf !== null && !outbox.of(this.#open.id).some(({ request }) => request.id === leaf || request.message_id === leaf));
    const count = this.#contextSize.now;
    contextMeter?.show(count);
    this.#showChoice();
  }

  #showChoice() {
    const { outbox, contextChoice } = this.#parts;
    const { settings, path, id } = this.#open;
    const isAsked = needsChoice({ count: this.#contextSize.now, settings, path, parcels: outbox.of(id) });
    contextChoice?.show(isAsked, this.#summarizer.progressIn(id));
  }

  #reportSettings() {
    const settings = JSON.stringify(this.settings);
    if (settings === this.#reportedSettings) return;
    this.#reportedSettings = settings;
    this.#delegate?.settingsShown();
  }

  /** Show the notice that replaces an empty transcript. */
  #showNotice() {
    const { transcript } = this.#parts;
    const { phase, error } = this.#open;
    if (phase === "loading") return transcript.showLoading();
    if (phase !== "missing" && phase !== "failed") return transcript.showWelcome();
    const isGone = phase === "missing";
    transcript.showTrouble({
      title: isGone ? "Conversation not found" : "Couldn't open this conversation",
      text: isGone ? "It may have been deleted, or the link is wrong." : reasonFor(error),
      label: isGone ? "New chat" : "Try again",
      act: () => (isGone ? this.startNewChat() : this.#open.read()),
    });
  }

  #showLines() {
    if (this.#open.writing.length > 0) this.#show();
  }

  #showMode() {
    const { writing } = this.#open;
    const isStopping = writing.every((id) => this.#open.live(id)?.isStopping);
    this.#parts.composer.show(writing.length === 0 ? "idle" : isStopping ? "stopping" : "running");
  }

  #showTitle() {
    const { library } = this.#parts.libraryUI;
    const { id, title, writing } = this.#open;
    const others = library.holdings.conversations.filter((other) => other.id !== id && other.writing.length > 0);
    this.#parts.pageTitle.show(library.find(id)?.title || title, writing.length > 0, others.length);
  }

  /** Show the message that a search found, changing the branch if needed. */
  #reveal() {
    const message = this.#wanted === null ? undefined : this.#open.tree.find(this.#wanted);
    if (!message) return;
    this.#wanted = null;
    if (!this.#open.path.includes(message)) {
      this.#open.choose(this.#open.tree.tipOf(message.id));
      this.#show();
    }
    this.#parts.transcript.reveal(message.id, this.#searched);
  }

  #listUnsent() {
    const { library } = this.#parts.libraryUI;
    const { parcels } = this.#parts.outbox;
    library.keepUnsent(new Set(parcels.map(({ request }) => request.conversation)));
    for (const { request, create, at, failure } of parcels) {
      const { conversation, content } = request;
      const isOnlyHere = create !== null || failure?.code === CONVERSATION_DELETED.code;
      if (!isOnlyHere || content === undefined || library.find(conversation)?.title) continue;
      const unsent = unsentSummary(conversation, content, at);
      library.heard({ ...unsent, ...library.find(conversation), title: unsent.title });
    }
  }

  /** @param {ConnectionState} state */
  #announceConnection({ name }) {
    if (name === "connected" && this.#hasBeenConnected) this.#parts.announcer.say("Connected again");
    if (name === "waiting" && this.#isConnected) this.#parts.announcer.say("Connection lost, reconnecting");
    if (name === "refused") this.#parts.announcer.say("The server refused the connection");
  }
}
