import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { CONNECTED, FakeTabs, accepted, done, rejected, settle, token } from "./fake-parts.js";

/** @typedef {ReturnType<FakeTabs["open"]>} Tab */

const SECRET = "quokka";

describe("A temporary chat", () => {
  /** @type {FakeTabs} */
  let tabs;
  /** @type {Tab} */
  let tab;
  /** @type {Map<string, unknown>} everything that the page stores in the browser */
  let stored;

  beforeEach(async () => {
    tabs = new FakeTabs();
    stored = new Map();
    const storage = { read: (/** @type {string} */ key) => stored.get(key) ?? null, write: (/** @type {string} */ key, /** @type {unknown} */ value) => void stored.set(key, value) };
    tab = tabs.open(null, /** @type {any} */ (storage));
    tab.ui.connectionChanged(CONNECTED);
    tab.ui.startTemporaryChat();
    await settle();
    tabs.server.asked = [];
  });

  const requests = () => tab.connection.summaries;
  const last = () => {
    const request = requests().at(-1);
    assert.ok(request);
    return request;
  };
  const said = () => last().messages.map(({ role, content }) => `${role}: ${content}`);

  /** @param {string} id @param {string} answer */
  async function answer(id, answer) {
    for (const event of [accepted(id), token(id, 1, answer), done(id)]) tab.ui.connectionDelivered(event);
    await settle();
  }

  /** @param {string} question @param {string} text */
  async function exchange(question, text) {
    assert.equal(tab.ui.send(question), true);
    await settle();
    const { id } = last();
    await answer(id, text);
    return id;
  }

  it("sends the whole dialogue with each question, for the server's memory only", async () => {
    tab.ui.set({ system: "Be brief.", params: { temperature: 0 } });
    await exchange(`A ${SECRET}?`, "Yes.");
    await exchange("And then?", "No.");
    assert.deepEqual(said(), ["system: Be brief.", `user: A ${SECRET}?`, "assistant: Yes.", "user: And then?"]);
    const { temporary, params, truncation, on_detach_ms: detach } = last();
    assert.deepEqual({ temporary, params, truncation, detach }, { temporary: true, params: { temperature: 0 }, truncation: "auto", detach: 120_000 });
    assert.equal("conversation" in last(), false);
    assert.deepEqual(tab.transcript.texts, [`A ${SECRET}?`, "Yes.", "And then?", "No."]);
  });

  it("leaves nothing on the server, in the list, in the address or in the browser", async () => {
    await exchange(`A ${SECRET}?`, `A ${SECRET}.`);
    tab.ui.set({ system: `You are a ${SECRET}.` });
    tab.ui.send("And then?");
    await settle();
    tab.ui.composerSent(`Another ${SECRET}?`);
    await settle();
    assert.equal(tab.ui.queue.runner.items.length, 1);
    assert.deepEqual(tabs.server.asked, []);
    assert.deepEqual(tab.library.holdings.conversations, []);
    assert.equal(tab.address.conversation, null);
    assert.equal(JSON.stringify([...stored]).includes(SECRET), false);
    assert.equal(tab.titles.at(-1), "writing Temporary chat 0");
  });

  it("sends what was queued when the answer has ended", async () => {
    tab.ui.send("One?");
    await settle();
    const { id } = last();
    tab.ui.connectionDelivered(accepted(id));
    tab.ui.composerSent("Two?");
    await answer(id, "One.");
    assert.deepEqual(said(), ["user: One?", "assistant: One.", "user: Two?"]);
  });

  it("writes an answer again, edits, deletes and brings back, all without the server", async () => {
    const first = await exchange("One?", "One.");
    tab.ui.messageActed("regenerate", first);
    await settle();
    assert.deepEqual(said(), ["user: One?"]);
    await answer(last().id, "Uno.");
    const second = last().id;
    assert.deepEqual([tab.transcript.texts, tab.transcript.last.shown.branch], [["One?", "Uno."], { index: 2, count: 2 }]);
    assert.equal(await tab.ui.answerEdited(second, { text: "Eins.", was: "Uno.", isContinued: false }), true);
    assert.deepEqual([tab.transcript.last.text, tab.transcript.last.status], ["Eins.", "Done · 8 tokens · Edited"]);
    tab.ui.messageActed("delete", second);
    await settle();
    assert.deepEqual(tab.transcript.texts, ["One?", "One."]);
    tab.toasts.at(-1)?.action?.act();
    await settle();
    assert.deepEqual(tab.transcript.texts, ["One?", "Eins."]);
    tab.ui.messageActed("previous", second);
    await settle();
    assert.deepEqual(tab.transcript.texts, ["One?", "One."]);
    assert.deepEqual(tabs.server.asked, []);
  });

  it("offers nothing that needs a stored chat", async () => {
    const id = await exchange("One?", "One.");
    const { actions, mayContinue } = tab.transcript.last.shown;
    assert.deepEqual([actions, mayContinue], [["copy", "copy-text", "edit", "regenerate", "delete"], false]);
    tab.ui.messageActed("regenerate", id);
    await settle();
    const again = last().id;
    for (const event of [accepted(again), token(again, 1, "On"), done(again, { reason: "cancelled" })]) tab.ui.connectionDelivered(event);
    await settle();
    assert.deepEqual(tab.transcript.last.shown.offers, []);
  });

  it("shows a refused question, which can be sent again", async () => {
    tab.ui.send("One?");
    await settle();
    tab.ui.connectionDelivered(rejected(last().id, true, "busy"));
    await settle();
    assert.deepEqual(tab.transcript.last.shown.offers.includes("retry"), true);
    tab.ui.messageOffered("retry", tab.transcript.last.shown.id);
    await settle();
    assert.equal(requests().length, 2);
    await answer(last().id, "One.");
    assert.deepEqual(tab.transcript.texts, ["One?", "One."]);
  });

  it("goes on after a lost connection, and says that the rest is lost where the server has forgotten it", async () => {
    tab.ui.send("One?");
    await settle();
    const { id } = last();
    for (const event of [accepted(id), token(id, 1, "On")]) tab.ui.connectionDelivered(event);
    tab.ui.connectionChanged({ name: "waiting", retryAt: 1000 });
    tab.ui.connectionChanged(CONNECTED);
    await settle();
    assert.equal(tab.transcript.last.text, "On");
    tab.ui.connectionDelivered({ type: "lost", id });
    await settle();
    assert.deepEqual([tab.transcript.last.text, tab.transcript.last.status], ["On", "The rest of this answer was lost"]);
  });

  it("is gone when another chat is opened, with the answer that is being written", async () => {
    tab.ui.send(`A ${SECRET}?`);
    await settle();
    const { id } = last();
    for (const event of [accepted(id), token(id, 1, "Ye")]) tab.ui.connectionDelivered(event);
    tab.ui.composerSent("And then?");
    assert.equal(tab.ui.wouldLose, true);
    tab.ui.startNewChat();
    await settle();
    assert.deepEqual([tab.connection.cancelled, tab.connection.detached], [[id], [id]]);
    assert.equal(tab.transcript.instead, "welcome");
    assert.deepEqual([tab.ui.isTemporary, tab.ui.wouldLose, tab.ui.queue.runner.items.length], [false, false, 0]);
    tab.ui.send("Hi");
    await settle();
    assert.equal(tab.connection.generated.length, 1);
  });

  it("is warned of when the page is left with unsent text", () => {
    assert.equal(tab.ui.wouldLose, false);
    tab.composer.write("Hi");
    assert.equal(tab.ui.wouldLose, true);
  });

  it("reads ahead with the whole dialogue", async () => {
    await exchange("One?", "One.");
    assert.deepEqual(tab.draftAhead.draftOf("Two?"), {
      type: "draft",
      messages: [{ role: "user", content: "One?" }, { role: "assistant", content: "One." }, { role: "user", content: "Two?" }],
    });
  });
});
