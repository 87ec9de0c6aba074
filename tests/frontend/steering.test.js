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
 */
function unsteered(id, code) {
  const error = /** @type {const} */ ({ type: "error", re: "steer", id, code, message: "No.", retryable: false });
  return /** @type {const} */ ({ type: "unsteered", id, content: "Shorter.", error });
}

describe("An answer that is being written", () => {
  /** @type {FakeTabs} */
  let tabs;
  /** @type {Tab} */
  let tab;
  let id = "";

  beforeEach(async () => {
    tabs = new FakeTabs();
    tab = tabs.open(null);
    tab.ui.connectionChanged(STEERS);
    await settle();
    id = await tabs.begin(tab, "Tell me a story");
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
    tab.ui.connectionDelivered(unsteered(id, "already_done"));
    assert.deepEqual(tab.queueView.texts, ["Shorter."]);
  });

  it("gives any other refused instruction back to the composer, with the reason", () => {
    write(1, "Once");
    tab.ui.connectionDelivered(unsteered(id, "unsupported"));
    assert.deepEqual([tab.composer.text, tab.toasts.at(-1)?.text], ["Shorter.", "This answer can't be steered. Send your message after it."]);
  });

  it("queues an instruction for an answer that can't be steered yet", () => {
    tab.ui.composerSteered("Shorter.");
    assert.deepEqual([tab.connection.steered, tab.queueView.texts], [[], ["Shorter."]]);
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
