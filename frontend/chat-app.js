/**
 * Connection of server, conversations and views: sends the user's messages and shows the answers, in the conversation
 * that the address names. Knows nothing of transports, frames or the DOM.
 */

import { AnswerEvents } from "./chat/answer-events.js";
import { ChatModels } from "./chat/chat-models.js";
import { ChatSettings } from "./chat/chat-settings.js";
import { ChatView } from "./chat/chat-view.js";
import { circumstancesOf } from "./chat/circumstances.js";
import { Comparing } from "./chat/comparing.js";
import { ConnectionAnnouncer } from "./chat/connection-announcer.js";
import { ContextKeeper } from "./chat/context-keeper.js";
import { draftMessage } from "./chat/draft-message.js";
import { Exploring } from "./chat/exploring.js";
import { LibraryEvents } from "./chat/library-events.js";
import { MessageCommands } from "./chat/message-commands.js";
import { MessageViews } from "./chat/message-views.js";
import { Opening } from "./chat/opening.js";
import { Questions } from "./chat/questions.js";
import { QueueControl } from "./chat/queue-control.js";
import { SenderEvents } from "./chat/sender-events.js";
import { Steering } from "./chat/steering.js";
import { Tuning } from "./chat/tuning.js";
import { UnsentMessages } from "./chat/unsent-messages.js";
import { Sender } from "./conversations/sender.js";

/** @typedef {Required<import("./rendering/message-view.js").MessageDelegate>} MessageDelegate */
/** @typedef {import("./chat/chat-parts.js").Parts} Parts */
/** @typedef {import("./chat/presenting.js").OfferName} OfferName */
/** @typedef {import("./connection.js").ConnectionState} ConnectionState */
/** @typedef {import("./conversations/api.js").Settings} Settings */
/** @typedef {import("./protocol/session.js").SessionEvent} SessionEvent */
/**
 * @typedef {object} ChatAppDelegate
 * @property {(id: string | null) => void} conversationOpened null for a new chat, which has no id yet
 * @property {() => void} settingsShown called when `settings` has changed
 * @property {(models: import("./protocol/messages.js").ModelEntry[]) => void} [modelsShown] called when the server's models have changed
 */

export class ChatApp {
  #parts;
  #sender;
  #commands;
  #queue;
  #questions;
  #senderEvents;
  #libraryEvents;
  #context;
  #answers;
  #view;
  #unsent;
  #settings;
  #opening;
  #connectionAnnouncer;
  #models;
  #steering;
  #tuning;
  #comparing;
  #exploring;
  #isConnected = false;
  /** @type {ChatAppDelegate | null} */
  #delegate = null;

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts;
    this.#sender = new Sender(parts);
    this.#context = new ContextKeeper(parts, {
      open: () => this.#open,
      set: (settings) => this.set(settings),
      changed: () => this.#show(),
      canCount: () => this.#models.canCount,
    });
    this.#models = new ChatModels(parts, {
      settings: () => this.settings,
      set: (settings) => this.#setAndReport(settings),
      canCountChanged: () => this.#context.measure(),
      changed: (models) => void (this.#delegate?.modelsShown?.(models), this.#show()),
    });
    const around = {
      open: () => this.#open,
      isConnected: () => this.#isConnected,
      has: (/** @type {string} */ feature, /** @type {string} */ generation) =>
        this.#models.has(feature, this.#open.modelOf(generation)),
    };
    this.#steering = new Steering(parts, { ...around, queue: (text) => this.#queue.add(text) });
    this.#tuning = new Tuning(parts, around);
    const views = new MessageViews(parts);
    this.#exploring = new Exploring({ ...parts, views }, { ...around, ask: (question) => this.#questions.ask(question), show: () => this.#show() });
    this.#answers = new AnswerEvents({ ...parts, views }, this.#sender, this.#context, {
      ...around,
      show: () => this.#show(),
      steered: (event) => this.#steering.steered(event),
      unsteered: (event) => this.#steering.unsteered(event),
      untuned: (event) => this.#tuning.untuned(event),
    });
    this.#view = new ChatView(parts, views, () => this.startNewChat());
    this.#unsent = new UnsentMessages(parts);
    this.#opening = new Opening(parts, this.#unsent, {
      cancel: (generation) => void this.#sender.cancel(generation),
      show: () => this.#show(),
    });
    this.#settings = new ChatSettings(parts, {
      open: () => this.#open,
      changing: (before) => this.#tuning.settingsChanged(before),
      shown: () => this.#delegate?.settingsShown(),
    });
    this.#connectionAnnouncer = new ConnectionAnnouncer(parts.announcer);
    this.#questions = new Questions(parts, this.#sender, {
      open: () => this.#open,
      model: () => this.#models.default,
      chosenModel: () => this.#models.chosen,
      startNewChat: () => this.startNewChat(),
      begun: () => this.#delegate?.conversationOpened(this.#open.id),
    });
    this.#comparing = new Comparing(parts, {
      open: () => this.#open,
      ask: (...question) => this.#questions.askSeveral(...question),
      changes: () => this.#opening.changes,
      choose: (model) => this.#models.areSeveral && this.#models.isServed(model) && this.#models.choose(model),
      stop: (generations) => void this.#stop(generations),
      show: () => this.#show(),
    });
    this.#queue = new QueueControl(parts, {
      open: () => this.#open,
      ask: (question) => this.#questions.ask(question),
      send: (parcel) => this.#sender.send(parcel),
      show: () => this.#show(),
    });
    this.#libraryEvents = new LibraryEvents(parts, this.#unsent, {
      open: () => this.#open,
      turnTo: (id, message, query) => this.#turnTo(id, { message, query }),
      startNewChat: () => this.startNewChat(),
      sendUnsent: () => this.#sender.sendAll(true),
      idle: (id) => void this.#queue.runner.conversationIdle(id),
      showTitle: () => this.#view.showTitle(this.#open),
    });
    this.#senderEvents = new SenderEvents(parts, this.#unsent, {
      open: () => this.#open,
      circumstances: () => this.#circumstances,
      choose: (conversation) => this.#libraryEvents.conversationChosen(conversation, null),
    });
    this.#commands = new MessageCommands({
      ...parts,
      transcript: views,
      open: () => this.#open,
      ask: (question) => this.#questions.ask(question),
      askElsewhere: (content) => this.#questions.askElsewhere(content),
      changes: () => this.#opening.changes,
      openChat: (id) => this.#libraryEvents.conversationChosen(id, null),
      refresh: () => this.#refresh(),
      explore: (message) => void this.#exploring.toggle(message),
      leaveEmpty: () => this.#leaveEmpty(),
    });
  }

  /** @param {ChatAppDelegate} [delegate] */
  start(delegate) {
    this.#delegate = delegate ?? null;
    const { composer, queue, queueView, transcript, connectionView, outbox, address, libraryUI, connection } = this.#parts;
    composer.start(this);
    this.#parts.draftAhead?.start((text) => this.#draftOf(text));
    queue.start(this.#queue);
    queueView.start(this.#queue);
    this.#parts.contextChoice?.start(this);
    this.#parts.effortChoice?.start(this);
    transcript.start(this);
    this.#comparing.start();
    connectionView.start(this);
    this.#parts.modelPicker?.start(this);
    outbox.start(this);
    address.start(this);
    libraryUI.start(this.#libraryEvents);
    this.#sender.start(this.#senderEvents);
    this.#unsent.list();
    this.#turnTo(address.conversation);
    libraryUI.library.refresh();
    connection.watch(() => this.#catchUp());
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
    this.#parts.modelPicker?.stop();
    transcript.stop();
    this.#comparing.stop();
    this.#parts.contextChoice?.stop();
    this.#parts.draftAhead?.stop();
    this.#parts.effortChoice?.stop();
    composer.stop();
  }

  /**
   * Send a message to the model, unless an answer is being written in the open conversation.
   * @param {string} prompt
   * @returns {boolean} whether the message was sent
   */
  send(prompt) {
    if (!this.mayBeAsked) return false;
    this.#questions.ask({ parent: this.#open.leaf, content: prompt });
    return true;
  }

  /** Stop the answers that are being written in the open conversation. */
  stop() {
    return this.#stop(this.#open.writing);
  }

  /** @param {string[]} writing generations to stop */
  #stop(writing) {
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

  /** Show an empty chat that only this page has, and only as long as it is open. */
  startTemporaryChat() {
    this.#parts.address.go(null);
    this.#turnTo(null, { isTemporary: true });
    this.#parts.composer.focus();
  }

  /** True if only this page has the open chat. */
  get isTemporary() {
    return this.#open.isTemporary;
  }

  /** True if something would be lost with the page: text or messages of a temporary chat. */
  get wouldLose() {
    return this.#opening.wouldLose;
  }

  /** Settings of the open conversation. Those set in a new chat also apply to the next new chat. */
  get settings() {
    return this.#open.settings;
  }

  /** @param {Settings} settings */
  set(settings) {
    this.#settings.set(settings);
    this.#show();
  }

  /** @param {Settings} settings chosen on the page outside the settings panel */
  #setAndReport(settings) {
    this.set(settings);
    this.#delegate?.settingsShown();
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
    const queued = this.#queue.runner.items.at(-1);
    if (!queued) return this.#commands.editLast();
    this.#queue.queuedEdited(queued.id);
    return true;
  }

  /** Explore mode of the open conversation. */
  get exploring() {
    return this.#exploring;
  }

  /** Queue of the open conversation. */
  get queue() {
    return this.#queue;
  }

  /** Handler of the list's events. */
  get libraryEvents() {
    return this.#libraryEvents;
  }

  get mayBeAsked() {
    return this.#open.takesMessages;
  }

  /**
   * Send a message. It is queued while an answer is being written here or the conversation is being loaded.
   * @param {string} text
   */
  composerSent(text) {
    this.#parts.draftAhead?.sent();
    if (this.#open.isGone) return this.#questions.askElsewhere(text);
    if (this.#comparing.isOn && this.mayBeAsked) return this.#comparing.ask(text);
    if (!this.send(text)) this.#queue.add(text);
  }

  /**
   * Give the model an instruction in mid-answer. Once the answer has ended it is a message like any other.
   * @param {string} text
   */
  composerSteered(text) {
    if (!this.#steering.steer(text)) this.composerSent(text);
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
    this.#context.choose(choice);
  }

  /** @type {MessageDelegate["messageActed"]} */
  messageActed = (name, id) => this.#commands.messageActed(name, id);

  /** @type {(name: OfferName, id: string) => void} */
  messageOffered(name, id) {
    if (name === "longer") return this.#tuning.longer();
    if (name === "unsummarize") return void this.#context.removeSummary(this.#open.id, id);
    this.#commands.messageOffered(name, id);
    if (name !== "edit") this.#parts.composer.focus();
  }

  /** @type {(id: string, text: string) => void} */
  messageEdited(id, text) {
    this.#commands.messageEdited(id, text);
    this.#parts.composer.focus();
  }

  /** @type {MessageDelegate["answerEdited"]} */
  answerEdited = (id, edit) => this.#commands.answerEdited(id, edit);
  /** @type {MessageDelegate["resultsGiven"]} */
  resultsGiven = (id, results) => this.#commands.resultsGiven(id, results);

  /** @param {string | null} conversation */
  addressChanged(conversation) {
    this.#turnTo(conversation);
  }

  /** Show the outbox after another tab has sent a message, or a message of it has arrived. */
  outboxChanged() {
    this.#unsent.list();
    this.#open.broughtElsewhere();
    this.#unsent.track(this.#open);
    this.#open.outboxChanged();
    this.#sender.sendAll(true);
    this.#open.catchUp();
  }

  /** @param {string} model name of the model for the next answers of the open conversation */
  modelChosen(model) {
    this.#models.choose(model);
    this.#parts.composer.focus();
  }

  /** @param {string | undefined} effort of thinking for the next answers of the open conversation; undefined: the model's default */
  effortChosen(effort) {
    this.#models.chooseEffort(effort);
  }

  connectionRetried() {
    this.#parts.connection.retryNow();
  }

  /** @param {ConnectionState} state */
  connectionChanged(state) {
    this.#connectionAnnouncer.announce(state);
    this.#isConnected = state.name === "connected";
    if (state.name === "connected") {
      this.#parts.temporary?.offer(state.welcome.features?.includes("temporary") ?? false);
      this.#tuning.greeted(state.welcome);
      this.#models.greeted(state.welcome);
    }
    this.#parts.connectionView.show(state);
    this.#sender.connectionChanged(this.#isConnected);
    if (this.#isConnected) {
      this.#context.forget();
      this.#settings.saveAgain();
      this.#parts.queue.refresh();
      this.#queue.runner.sendElsewhere();
    }
    this.#showLines();
  }

  /** Read again what may have changed while there was no connection. */
  #catchUp() {
    this.#parts.libraryUI.library.refresh();
    this.#open.catchUp();
  }

  /** @param {SessionEvent} event */
  connectionDelivered(event) {
    if (event.type === "conversation") this.#libraryEvents.conversationChanged(event);
    else if (event.type === "model") this.#models.modelChanged(event);
    else {
      this.#answers.receive(event);
      this.#exploring.receive(event);
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
    this.#unsent.list();
  }

  /**
   * @param {string | null} id
   * @param {{message?: string | null, query?: string, isTemporary?: boolean}} [how] message: to scroll to; query: search
   *   text that found it
   */
  #turnTo(id, { message = null, query = "", isTemporary = false } = {}) {
    this.#view.want(message, query);
    if (this.#opening.turnTo(id, isTemporary)) {
      this.#parts.transcript.clear();
      this.#parts.announcer.forget();
    }
    this.#delegate?.conversationOpened(id);
    this.#show();
    if (id !== null) this.#open.read();
    this.#queue.runner.sendElsewhere();
  }

  /**
   * @param {string} content
   * @returns {import("./protocol/messages.js").Draft | null} null while the message would be queued or moved
   */
  #draftOf(content) {
    if (this.#open.isGone || !this.mayBeAsked || this.#parts.outbox.of(this.#open.id).length > 0) return null;
    return draftMessage(this.#open, content, this.#models.chosen);
  }

  get #open() {
    return this.#opening.open;
  }

  get #circumstances() {
    const facts = {
      isConnected: this.#isConnected,
      isTunable: this.#tuning.isPossible,
      isExplorable: (/** @type {string} */ generation) => this.#exploring.isPossible(generation),
      explored: this.#exploring.message,
      count: this.#context.count,
    };
    return circumstancesOf(this.#open, this.#models, facts);
  }

  #show() {
    for (const id of this.#open.followed) {
      if (this.#open.live(id)) continue;
      this.#open.track(id, true);
      this.#parts.connection.follow(id);
      this.#steering.followed(id);
    }
    this.#steering.settle();
    this.#settings.save();
    this.#comparing.arrange(this.#open);
    this.#context.measure();
    this.#models.show();
    this.#parts.temporary?.show(this.isTemporary);
    this.#exploring.chatChanged();
    this.#view.show(this.#open, this.#circumstances, this.#steering.isPossible);
    this.#comparing.show(this.#open, this.#circumstances);
    this.#settings.report();
    this.#view.reveal(this.#open, () => this.#show());
    this.#queue.runner.refresh();
    this.#view.showQueue(this.#queue.runner);
    this.#queue.runner.sendNext();
    this.#parts.draftAhead?.chatChanged();
  }

  #showLines = () => this.#open.writing.length > 0 && this.#show();
}
