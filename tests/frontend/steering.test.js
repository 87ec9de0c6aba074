import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { Dialogue } from "../../frontend/embed/dialogue.js";
import { LiveAnswer } from "../../frontend/conversations/live-answer.js";
import { CONNECTED, FakeTabs, accepted, done, settle, token } from "./fake-parts.js";

/** @typedef {ReturnType<FakeTabs["open"]>} Tab */

/** @type {import("../../frontend/connection.js").ConnectionState} */
const STEERS = { name: "connected", transport: "websocket", welcome: { type: "welcome", features: ["steer"] } };

/**
 * @param {string} id
 * @param {number} seq
 * @param {string} content
 */
function steered(id, seq, content) {
  return /** @type {const} */ ({ type: "steered", id, seq, content });
}

/**
 * @param {string} id
 * @param {string} code
 * @param {string} [key]
 */
function unsteered(id, code, key = "") {
  const error = /** @type {const} */ ({ type: "error", re: "steer", id, code, message: "No.", retryable: false });
  return /** @type {const} */ ({ type: "unsteered", id, content: "Shorter.", key, error });
}

/** Opens a tab in which an answer is being written. */
async function writing() {
  const tabs = new FakeTabs();
  const tab = tabs.open(null);
  tab.ui.connectionChanged(STEERS);
  await settle();
  return { tabs, tab, id: await tabs.begin(tab, "Tell me a story") };
}

describe("An answer that is being written", () => {
  /** @type {Tab} */
  let tab;
  let id = "";

  beforeEach(async () => {
    ({ tab, id } = await writing());
  });

  const write = (/** @type {number} */ seq, /** @type {string} */ text) => tab.ui.connectionDelivered(token(id, seq, text));

  it("can be steered from its first text on, and not without a connection or an older server", () => {
    assert.equal(tab.composer.steers, false);
    write(1, "Once");
    assert.equal(tab.composer.steers, true);
    tab.ui.connectionChanged({ name: "waiting", retryAt: 1000 });
    assert.equal(tab.composer.steers, false);
    tab.ui.connectionChanged(CONNECTED);
    assert.equal(tab.composer.steers, false);
  });

  it("is divided at an instruction: partial answer, instruction, rest", async () => {
    write(1, "Once upon");
    tab.ui.composerSteered("Shorter.");
    assert.deepEqual([tab.connection.steered, tab.said.at(-1)], [[{ id, content: "Shorter." }], "Instruction sent"]);
    tab.ui.connectionDelivered(steered(id, 2, "Shorter."));
    assert.deepEqual(tab.transcript.texts, ["Tell me a story", "Once upon", "Shorter.", ""]);
    write(3, "A frog");
    tab.ui.connectionDelivered(steered(id, 4, "In French."));
    write(5, "Une grenouille");
    assert.deepEqual(tab.transcript.texts, ["Tell me a story", "Once upon", "Shorter.", "A frog", "In French.", "Une grenouille"]);
    assert.deepEqual([...tab.transcript.messages.keys()].slice(2), [`${id}-2`, `${id}-2-answer`, `${id}-4`, `${id}-4-answer`]);
    tab.ui.connectionDelivered(done(id));
    assert.deepEqual(tab.transcript.texts.slice(1), ["Once upon", "Shorter.", "A frog", "In French.", "Une grenouille"]);
    assert.equal(tab.composer.mode, "idle");
  });

  it("makes the next message of an instruction that comes too late", async () => {
    write(1, "Once");
    tab.ui.composerSteered("Shorter.");
    const refusal = unsteered(id, "already_done", tab.connection.keys.at(-1));
    tab.ui.connectionDelivered(refusal);
    tab.ui.connectionDelivered(refusal);
    assert.deepEqual(tab.queueView.texts, ["Shorter."]);
  });

  it("gives any other refused instruction back to the composer, with the reason", () => {
    write(1, "Once");
    tab.ui.composerSteered("Shorter.");
    tab.ui.connectionDelivered(unsteered(id, "unsupported", tab.connection.keys.at(-1)));
    assert.deepEqual([tab.composer.text, tab.toasts.at(-1)?.text], ["Shorter.", "This answer can't be steered. Send your message after it."]);
  });

  it("queues an instruction for an answer that can't be steered yet", () => {
    tab.ui.composerSteered("Shorter.");
    assert.deepEqual([tab.connection.steered, tab.queueView.texts], [[], ["Shorter."]]);
  });
});

describe("An instruction that may not have arrived", () => {
  /** @type {FakeTabs} */
  let tabs;
  /** @type {Tab} */
  let tab;
  let id = "";
  let conversation = "";

  beforeEach(async () => {
    ({ tabs, tab, id } = await writing());
    conversation = tab.address.conversation ?? "";
    tab.ui.connectionDelivered(token(id, 1, "Once"));
    tab.ui.composerSteered("Shorter.");
  });

  async function reload() {
    const later = tabs.open(conversation);
    later.ui.connectionChanged(STEERS);
    await settle();
    return later;
  }

  /** The answer ends, with the instruction or without it. */
  function end(isSteered = false) {
    tabs.server.end(id, "Once");
    if (!isSteered) return;
    const document = tabs.server.documents.get(conversation);
    assert.ok(document);
    const instruction = { ...document.messages[0], id: `${id}-2`, parent: id, role: "user", content: "Shorter." };
    tabs.server.put(conversation, { messages: [...document.messages, /** @type {any} */ (instruction)] });
  }

  it("is sent again after a reload, with its key", async () => {
    const later = await reload();
    assert.deepEqual([later.connection.followed, later.connection.steered], [[id], [{ id, content: "Shorter." }]]);
    assert.deepEqual(later.connection.keys, tab.connection.keys);
  });

  it("is sent again when its chat is shown again", async () => {
    tab.ui.startNewChat();
    tab.ui.libraryEvents.conversationChosen(conversation, null);
    await settle();
    assert.deepEqual(tab.connection.keys, [tab.connection.keys[0], tab.connection.keys[0]]);
  });

  it("is not sent again once it is in the log", async () => {
    tab.ui.connectionDelivered(steered(id, 2, "Shorter."));
    assert.deepEqual((await reload()).connection.steered, []);
  });

  it("comes back to the composer, in one tab, if the answer has ended without it", async () => {
    end();
    const [later, last] = [await reload(), await reload()];
    assert.deepEqual([later.composer.text, last.composer.text], ["Shorter.", ""]);
    assert.equal(later.toasts.at(-1)?.text, "Your instruction didn't reach the model. Send it again.");
  });

  it("does not come back if it is a message of the chat", async () => {
    end(true);
    const later = await reload();
    assert.deepEqual([later.composer.text, later.toasts], ["", []]);
  });

  it("arrives as it is compared, also with half an emoji", () => {
    tab.ui.composerSteered("No \ud83d here.");
    assert.equal(tab.connection.steered.at(-1)?.content, "No \ufffd here.");
  });
});

describe("A snapshot of a steered answer", () => {
  it("is divided at code points", () => {
    const live = new LiveAnswer(true);
    const instructions = [{ seq: 2, chars: 2, content: "Shorter." }, { seq: 3, chars: 2, content: "Now." }];
    live.receive({ type: "snapshot", id: "a", epoch: "e", seq: 4, text: "🙂a🙂", steered: instructions });
    assert.deepEqual(live.parts.map(({ text }) => text), ["🙂a", ""]);
    assert.equal(live.text, "🙂");
  });
});

describe("A dialogue in another page", () => {
  it("continues after an instruction as a turn of its own", () => {
    let ids = 0;
    const dialogue = new Dialogue(() => `id${(ids += 1)}`);
    const { generation } = dialogue.ask("Tell me a story");
    dialogue.receive(accepted(generation));
    dialogue.receive(token(generation, 1, "Once"));
    const rest = dialogue.receive(steered(generation, 2, "Shorter."));
    assert.ok(rest?.isRunning && dialogue.running === rest);
    dialogue.receive(token(generation, 3, "A frog."));
    dialogue.receive(done(generation));
    assert.equal(dialogue.running, undefined);
    assert.deepEqual(dialogue.messages.map(({ content }) => content), ["Tell me a story", "Once", "Shorter.", "A frog."]);
    assert.equal(new Set(dialogue.present(true).map(({ id }) => id)).size, 4);
  });
});
