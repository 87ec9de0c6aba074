/** What stands for the connection, the server's conversations and the page around ChatApp. */

import assert from "node:assert/strict";

import { ChatApp } from "../../frontend/chat-app.js";
import { Comparisons } from "../../frontend/conversations/comparisons.js";
import { Instructions } from "../../frontend/conversations/instructions.js";
import { Library } from "../../frontend/conversations/library.js";
import { Outbox } from "../../frontend/conversations/outbox.js";
import { Queue } from "../../frontend/conversations/queue.js";
import { FakeClock } from "./fake-clock.js";
import { FakeConversations } from "./fake-conversations.js";
import { FakeBrowser } from "./fake-storage.js";
import { FakeConnection } from "./fake-connection.js";

export { FakeConnection } from "./fake-connection.js";

/** @typedef {import("../../frontend/chat/presenting.js").Shown} Shown */
/** @typedef {import("../../frontend/chat/presenting-columns.js").Column} Column */
/** @typedef {import("../../frontend/composer/compare-setup.js").WantedAnswer} WantedAnswer */
/** @typedef {import("../../frontend/rendering/comparison-view.js").ComparisonDelegate} ComparisonDelegate */
/** @typedef {import("../../frontend/connection.js").ConnectionState} ConnectionState */
/** @typedef {import("../../frontend/conversations/api.js").ContextCount} ContextCount */
/** @typedef {import("../../frontend/conversations/summarizer.js").SummaryProgress} SummaryProgress */
/** @typedef {import("../../frontend/protocol/messages.js").Done} Done */
/** @typedef {import("../../frontend/protocol/messages.js").Generate} Generate */
/** @typedef {import("../../frontend/protocol/messages.js").PlainGenerate} PlainGenerate */
/** @typedef {import("../../frontend/rendering/composer-view.js").ComposerMode} ComposerMode */
/** @typedef {import("../../frontend/rendering/transcript-view.js").Trouble} Trouble */
/** @typedef {import("../../frontend/ui/toast-view.js").Toast} Toast */
/** @typedef {import("../../frontend/words/status-line.js").StatusLine} StatusLine */

/** @type {ConnectionState} */
export const CONNECTED = { name: "connected", welcome: { type: "welcome" }, transport: "websocket" };
/** @type {ConnectionState} */
export const WAITING = { name: "waiting", retryAt: 1000 };

export class FakeComposer {
  /** @type {ComposerMode} */
  mode = "idle";
  steers = false;
  text = "";

  start() {}
  stop() {}
  focus() {}

  get isEmpty() {
    return this.text === "";
  }

  /**
   * @param {ComposerMode} mode
   * @param {boolean} steers
   */
  show(mode, steers) {
    this.mode = mode;
    this.steers = steers;
  }

  /** @param {string} text */
  write(text) {
    this.text = text;
  }

  /** @param {string} text */
  prepend(text) {
    this.text = [text, this.text].filter((part) => part !== "").join("\n\n");
  }
}

export class FakeDraftAhead {
  /** @type {(text: string) => import("../../frontend/protocol/messages.js").Draft | null} */
  draftOf = () => null;
  sends = 0;

  /** @param {FakeDraftAhead["draftOf"]} draftOf */
  start(draftOf) {
    this.draftOf = draftOf;
  }

  stop() {}
  chatChanged() {}

  sent() {
    this.sends += 1;
  }
}

export class FakeQueueView {
  words = "";
  mayBeSent = false;
  /** @type {import("../../frontend/conversations/queue.js").Queued[]} */
  items = [];

  start() {}

  /**
   * @param {import("../../frontend/conversations/queue.js").Queued[]} items
   * @param {string} words
   * @param {boolean} mayBeSent
   */
  show(items, words, mayBeSent) {
    Object.assign(this, { items, words, mayBeSent });
  }

  get texts() {
    return this.items.map(({ content }) => content);
  }
}

/** What stands for the view of an answer's tokens. */
class FakeExplore {
  isShown = false;
  words = "";
  mayChoose = false;
  /** @type {string[]} */
  tokens = [];

  /**
   * @param {import("../../frontend/conversations/answer-tokens.js").AnswerTokens} answer
   * @param {import("../../frontend/rendering/explore/explore-view.js").ExploreDelegate} delegate
   */
  constructor(answer, delegate) {
    this.answer = answer;
    this.delegate = delegate;
  }

  start() {
    this.isShown = true;
  }

  stop() {
    this.isShown = false;
  }

  /**
   * @param {import("../../frontend/protocol/messages.js").Alternative[]} tokens
   * @param {boolean} mayChoose
   */
  showAlternatives(tokens, mayChoose) {
    Object.assign(this, { tokens: tokens.map(({ token }) => token), mayChoose });
  }

  /** @param {string} words */
  showTrouble(words) {
    this.words = words;
  }
}

class FakeMessage {
  /** @type {FakeExplore | null} */
  explored = null;
  isEditing = false;
  confirmed = "";

  /** @param {Shown} shown */
  constructor(shown) {
    this.shown = shown;
    this.text = shown.text;
    this.status = shown.line?.text ?? "";
  }

  get plainText() {
    return `plain ${this.text}`;
  }

  edit() {
    this.isEditing = true;
  }

  /** @param {ConstructorParameters<typeof FakeExplore>} parts */
  explore(...parts) {
    return (this.explored = new FakeExplore(...parts));
  }

  /** @param {string} name */
  confirm(name) {
    this.confirmed = name;
  }

  /** @param {string} text */
  append(text) {
    this.text += text;
  }

  /** @param {string} text */
  rewrite(text) {
    this.text = text;
  }

  /** @param {StatusLine | null} line */
  showStatus(line) {
    this.status = line?.text ?? "";
  }
}

export class FakeTranscript {
  /** @type {Map<string, FakeMessage>} */
  messages = new Map();
  /** @type {"welcome" | "loading" | Trouble | null} */
  instead = null;
  /** @type {string | null} */
  focused = null;
  revealed = "";
  /** @type {string | undefined} */
  searched;
  isQuiet = true;
  /** @type {(() => void)[]} calls that wait for a quiet moment */
  waiting = [];

  start() {}
  stop() {}
  follow() {}
  leaveEnd() {}

  /** @param {() => void} then */
  whenQuiet(then) {
    if (this.isQuiet) then();
    else this.waiting.push(then);
  }

  /** @param {Shown[]} messages */
  show(messages) {
    this.instead = null;
    this.messages = new Map(messages.map((shown) => [shown.id, this.#updated(shown)]));
  }

  clear() {
    this.messages.clear();
  }

  showWelcome() {
    this.clear();
    this.instead = "welcome";
  }

  showLoading() {
    this.clear();
    this.instead = "loading";
  }

  /** @param {Trouble} trouble */
  showTrouble(trouble) {
    this.clear();
    this.instead = trouble;
  }

  /** @param {string} id */
  find(id) {
    return this.messages.get(id);
  }

  /** @param {string} id */
  focus(id) {
    this.focused = id;
  }

  /**
   * @param {string} id
   * @param {string} [query]
   */
  reveal(id, query) {
    this.revealed = id;
    this.searched = query;
  }

  get texts() {
    return [...this.messages.values()].map(({ text }) => text);
  }

  get last() {
    const last = [...this.messages.values()].at(-1);
    assert.ok(last, "nothing is shown");
    return last;
  }

  /** @param {Shown} shown */
  #updated(shown) {
    const known = this.messages.get(shown.id);
    return Object.assign(known ?? new FakeMessage(shown), { shown, text: shown.text, status: shown.line?.text ?? "" });
  }
}

export class FakeComparison {
  /** @type {Column[]} */
  columns = [];
  /** @type {Map<string, FakeMessage>} */
  messages = new Map();
  /** @type {string | null} */
  focused = null;
  /** @type {ComparisonDelegate | null} */
  delegate = null;

  /** @param {ComparisonDelegate} delegate */
  start(delegate) {
    this.delegate = delegate;
  }

  stop() {}

  /** @param {Column[]} columns */
  show(columns) {
    const known = this.messages;
    const message = (/** @type {Shown} */ shown) => Object.assign(known.get(shown.id) ?? new FakeMessage(shown), { shown, text: shown.text, status: shown.line?.text ?? "" });
    this.columns = columns;
    this.messages = new Map(columns.map(({ shown }) => [shown.id, message(shown)]));
  }

  /** @param {string} id */
  find(id) {
    return this.messages.get(id);
  }

  /** @param {string} id */
  focus(id) {
    this.focused = id;
  }

  get texts() {
    return [...this.messages.values()].map(({ text }) => text);
  }
}

export class FakeCompareSetup {
  isOpen = false;
  isOffered = false;
  /** @type {WantedAnswer[]} */
  wanted = [];

  start() {}
  stop() {}

  /** @param {WantedAnswer[]} wanted */
  open(...wanted) {
    this.isOpen = true;
    this.wanted = wanted;
  }

  close() {
    this.isOpen = false;
  }

  /** @param {boolean} isOffered */
  offer(isOffered) {
    this.isOffered = isOffered;
  }

  answers() {
    return this.wanted;
  }
}

/** Pages in one browser, on one clock and one server. */
export class FakeTabs {
  clock = new FakeClock();
  browser = new FakeBrowser();
  server = new FakeConversations();
  #ids = 0;

  /**
   * @param {string | null} [conversation] that the address names
   * @param {import("../../frontend/guarded-storage.js").Keeping} [storage]
   */
  open(conversation = null, storage) {
    const tab = this.browser.openTab();
    const parts = {
      connection: new FakeConnection(),
      composer: new FakeComposer(),
      queueView: new FakeQueueView(),
      transcript: new FakeTranscript(),
      draftAhead: new FakeDraftAhead(),
      comparison: new FakeComparison(),
      compareSetup: new FakeCompareSetup(),
    };
    const said = /** @type {string[]} */ ([]);
    const shown = /** @type {ConnectionState[]} */ ([]);
    const toasts = /** @type {Toast[]} */ ([]);
    const copied = /** @type {string[]} */ ([]);
    const titles = /** @type {string[]} */ ([]);
    const choices = /** @type {(boolean | SummaryProgress)[]} */ ([]);
    const counts = /** @type {(ContextCount | null)[]} */ ([]);
    const address = { conversation, start: () => {}, stop: () => {}, go: (/** @type {string | null} */ id) => void (address.conversation = id) };
    const library = new Library(this.server, this.clock);
    const say = (/** @type {string} */ state) => said.push(state);
    const ui = chatAppWith({
      ...parts,
      api: this.server,
      outbox: new Outbox(storage ?? tab, tab),
      queue: new Queue(storage ?? tab, tab),
      instructions: new Instructions(storage ?? tab),
      comparisons: new Comparisons(storage ?? tab, tab),
      libraryUI: { library, start: () => {}, stop: () => {}, mark: () => {} },
      address,
      connectionView: { start: () => {}, stop: () => {}, show: (/** @type {ConnectionState} */ state) => shown.push(state) },
      announcer: { say, wrote: () => {}, ended: say, forget: () => {} },
      toasts: { show: (/** @type {Toast} */ toast) => toasts.push(toast) },
      pageTitle: {
        show: (/** @type {string} */ title, /** @type {boolean} */ isWriting, /** @type {number} */ others) =>
          titles.push(`${isWriting ? "writing " : ""}${title} ${others}`),
      },
      contextChoice: {
        start: () => {},
        stop: () => {},
        show: (/** @type {boolean} */ isAsked, /** @type {SummaryProgress | null} */ progress) => choices.push(progress ?? isAsked),
      },
      contextMeter: { show: (/** @type {ContextCount | null} */ count) => counts.push(count) },
      copy: async (/** @type {string} */ text) => copied.push(text) > 0,
      clock: this.clock,
      newId: () => `id${(this.#ids += 1)}`,
    });
    ui.start();
    return { ui, ...parts, address, library, said, shown, toasts, copied, titles, counts, choices };
  }

  /**
   * Send a message in a tab. The server accepts it.
   * @param {ReturnType<FakeTabs["open"]>} tab
   * @param {string} content
   * @returns {Promise<string>} id of its generation
   */
  async begin(tab, content) {
    tab.ui.composerSent(content);
    await settle();
    const request = tab.connection.generated.at(-1);
    assert.ok(request);
    this.server.take(request);
    tab.ui.connectionDelivered(accepted(request.id));
    return request.id;
  }
}

/**
 * A ChatApp over parts of which some are fakes. They have what ChatApp uses of the classes that they stand for.
 * @param {Record<string, any> & Pick<import("../../frontend/chat/chat-parts.js").Parts, "outbox" | "queue" | "copy" | "clock" | "newId">} parts
 */
export function chatAppWith(parts) {
  return new ChatApp(/** @type {any} */ (parts));
}

/** Lets everything happen that only waits for promises. */
export async function settle() {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}

/**
 * @param {string} id
 * @param {number} seq
 * @param {string} text
 */
export function token(id, seq, text) {
  return /** @type {const} */ ({ type: "token", id, seq, n: 1, text });
}

/** @param {string} id */
export function accepted(id) {
  return /** @type {const} */ ({ type: "accepted", id, epoch: "e", position: 0 });
}

/**
 * @param {string} id
 * @param {Partial<Done>} [fields]
 * @returns {Done}
 */
export function done(id, fields = {}) {
  return { type: "done", id, seq: 9, reason: "stop", usage: { completion_tokens: 8 }, ...fields };
}

/**
 * @param {string} id
 * @param {boolean} retryable
 * @param {string} [code]
 */
export function rejected(id, retryable, code = "no") {
  const error = /** @type {const} */ ({ type: "error", id, code, message: "Too long.", retryable });
  return /** @type {const} */ ({ type: "rejected", id, error: { ...error, code } });
}
