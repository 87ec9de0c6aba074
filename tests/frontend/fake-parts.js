/** What stands for the connection and for the page around StreamUI, and tabs of one browser made of these. */

import assert from "node:assert/strict";

import { KeptChat } from "../../frontend/kept-chat.js";
import { StreamUI } from "../../frontend/stream-ui.js";
import { FakeClock } from "./fake-clock.js";
import { FakeBrowser } from "./fake-storage.js";

/** @typedef {import("../../frontend/connection.js").ConnectionState} ConnectionState */
/** @typedef {import("../../frontend/connection.js").KnownAnswer} KnownAnswer */
/** @typedef {import("../../frontend/protocol/messages.js").Done} Done */
/** @typedef {import("../../frontend/protocol/messages.js").Params} Params */
/** @typedef {import("../../frontend/protocol/messages.js").Turn} Turn */
/** @typedef {import("../../frontend/rendering/composer-view.js").ComposerMode} ComposerMode */
/** @typedef {import("../../frontend/rendering/message-view.js").Offer} Offer */
/** @typedef {import("../../frontend/rendering/status-line.js").StatusLine} StatusLine */

/** @type {ConnectionState} */
export const CONNECTED = { name: "connected", welcome: { type: "welcome" }, transport: "websocket" };

export class FakeConnection {
  /** @type {{id: string, messages: Turn[], params?: Params}[]} */
  generated = [];
  /** @type {KnownAnswer[]} */
  resumed = [];
  /** @type {string[]} */
  cancelled = [];
  /** @type {string[]} */
  forgotten = [];
  retries = 0;
  isRunning = false;

  start() {
    this.isRunning = true;
  }

  stop() {
    this.isRunning = false;
  }

  retryNow() {
    this.retries += 1;
  }

  /**
   * @param {string} id
   * @param {Turn[]} messages
   * @param {Params} [params]
   */
  generate(id, messages, params) {
    this.generated.push({ id, messages, ...(params && { params }) });
  }

  /** @param {KnownAnswer} answer */
  resume(answer) {
    this.resumed.push(answer);
  }

  /** @param {string} id */
  cancel(id) {
    this.cancelled.push(id);
  }

  /** @param {string} id */
  forget(id) {
    this.forgotten.push(id);
  }
}

export class FakeComposer {
  /** @type {ComposerMode} */
  mode = "idle";
  text = "";

  start() {}
  stop() {}
  focus() {}

  get isEmpty() {
    return this.text === "";
  }

  /** @param {ComposerMode} mode */
  show(mode) {
    this.mode = mode;
  }

  /** @param {string} text */
  write(text) {
    this.text = text;
  }
}

export class FakeAnswer {
  text = "";
  status = "";
  /** @type {Offer[]} */
  offers = [];
  isRemoved = false;
  isFinished = false;

  /** @param {string} prompt */
  constructor(prompt) {
    this.prompt = prompt;
  }

  /** @param {string} text */
  append(text) {
    this.text += text;
  }

  /** @param {string} text */
  replace(text) {
    this.text = text;
  }

  finish() {
    this.isFinished = true;
  }

  /** @param {StatusLine} line */
  showStatus(line) {
    this.status = line.text;
  }

  /** @param {Offer[]} offers */
  offer(offers) {
    this.offers = offers;
  }

  remove() {
    this.isRemoved = true;
  }

  /** @param {string} label */
  press(label) {
    const offer = this.offers.find((each) => each.label === label);
    assert.ok(offer, `${label} is not offered`);
    offer.act();
  }
}

export class FakeTranscript {
  /** @type {FakeAnswer[]} */
  answers = [];
  clears = 0;

  start() {}
  stop() {}

  /** @param {string} prompt */
  add(prompt) {
    const answer = new FakeAnswer(prompt);
    this.answers.push(answer);
    return answer;
  }

  clear() {
    this.clears += 1;
  }
}

/** Pages in one browser, on one clock. */
export class FakeTabs {
  clock = new FakeClock();
  browser = new FakeBrowser();
  /** @type {import("../../frontend/panels/settings.js").Settings} how answers are to be written, in every tab */
  settings = {};
  #ids = 0;
  #chats = 0;

  /** @param {import("../../frontend/guarded-storage.js").Keeping} [storage] */
  open(storage) {
    const tab = this.browser.openTab();
    const parts = { connection: new FakeConnection(), composer: new FakeComposer(), transcript: new FakeTranscript() };
    const said = /** @type {string[]} */ ([]);
    const shown = /** @type {ConnectionState[]} */ ([]);
    const ui = new StreamUI({
      ...parts,
      kept: new KeptChat(storage ?? tab, tab, () => `chat${(this.#chats += 1)}`),
      connectionView: { start: () => {}, stop: () => {}, show: (state) => shown.push(state) },
      announcer: {
        say: (state) => said.push(state),
        wrote: (text) => said.push(text),
        ended: (state) => said.push(state),
        forget: () => {},
      },
      clock: this.clock,
      newId: () => `id${(this.#ids += 1)}`,
      settings: this,
    });
    ui.start();
    return { ui, ...parts, said, shown };
  }
}

/**
 * @param {string} id
 * @param {number} seq
 * @param {string} text
 */
export function token(id, seq, text) {
  return /** @type {const} */ ({ type: "token", id, seq, n: 1, text });
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
 */
export function rejected(id, retryable) {
  const error = /** @type {const} */ ({ type: "error", id, code: "no", message: "Too long.", retryable });
  return /** @type {const} */ ({ type: "rejected", id, error });
}
