import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { CONNECTED, FakeTabs, done, rejected, token } from "./fake-parts.js";

/** @typedef {import("../../frontend/connection.js").ConnectionState} ConnectionState */
/** @typedef {import("../../frontend/protocol/session.js").SessionEvent} SessionEvent */
/** @typedef {import("../../frontend/stream-ui.js").StreamUI} StreamUI */
/** @typedef {import("./fake-parts.js").FakeComposer} FakeComposer */
/** @typedef {import("./fake-parts.js").FakeConnection} FakeConnection */
/** @typedef {import("./fake-parts.js").FakeTranscript} FakeTranscript */

describe("StreamUI", () => {
  /** @type {FakeConnection} */
  let connection;
  /** @type {FakeComposer} */
  let composer;
  /** @type {FakeTranscript} */
  let transcript;
  /** @type {string[]} */
  let said;
  /** @type {ConnectionState[]} */
  let shown;
  /** @type {FakeTabs} */
  let tabs;
  /** @type {StreamUI} */
  let ui;

  beforeEach(() => {
    tabs = new FakeTabs();
    ({ ui, connection, composer, transcript, said, shown } = tabs.open());
    ui.connectionChanged(CONNECTED);
  });

  function answer() {
    const last = transcript.answers.at(-1);
    assert.ok(last);
    return last;
  }

  /** @param {SessionEvent[]} events */
  function deliver(...events) {
    for (const event of events) ui.connectionDelivered(event);
  }

  it("asks the model and shows the question", () => {
    ui.composerSent("Hi");
    assert.deepEqual(connection.generated, [{ id: "id1", messages: [{ role: "user", content: "Hi" }] }]);
    assert.equal(answer().prompt, "Hi");
    assert.equal(answer().status, "Sending…");
    assert.equal(composer.mode, "running");
    assert.deepEqual(said, ["Answer started"]);
  });

  it("asks as the settings say, and tells the model the system prompt first", () => {
    tabs.settings = { system: "Be brief.", params: { temperature: 0 } };
    ui.send("Hi");
    const messages = [
      { role: "system", content: "Be brief." },
      { role: "user", content: "Hi" },
    ];
    assert.deepEqual(connection.generated, [{ id: "id1", messages, params: { temperature: 0 } }]);
    tabs.settings = {};
    const { resumed } = tabs.open().connection;
    assert.deepEqual(resumed.map(({ params }) => params), [{ temperature: 0 }]);
  });

  it("asks a suggested question", () => {
    ui.transcriptSuggested("What can you do?");
    assert.equal(connection.generated[0]?.messages[0]?.content, "What can you do?");
  });

  it("follows an answer from the queue to its end", () => {
    ui.send("Hi");
    deliver({ type: "accepted", id: "id1", epoch: "e", position: 1 });
    assert.equal(answer().status, "Queued, 1 ahead");
    deliver({ type: "status", id: "id1", state: "prefill", done: 5, total: 10 });
    assert.equal(answer().status, "Reading the prompt 5 / 10");
    deliver({ type: "status", id: "id1", state: "decode", tokens_per_second: 50 }, token("id1", 1, "Hel"), token("id1", 2, "lo"));
    assert.equal(answer().text, "Hello");
    assert.equal(answer().status, "Writing · 50 tokens/s · 2 tokens");
    deliver(done("id1"));
    assert.equal(answer().status, "Done · 8 tokens");
    assert.equal(composer.mode, "idle");
    assert.deepEqual(said, ["Answer started", "Answer finished"]);
    assert.deepEqual(answer().offers, []);
  });

  it("says that it writes as soon as there is text, also without a status", () => {
    ui.send("Hi");
    deliver({ type: "accepted", id: "id1", epoch: "e", position: 0 }, token("id1", 1, "a"));
    assert.equal(answer().status, "Writing · 1 token");
  });

  it("sends one question at a time", () => {
    assert.equal(ui.send("One"), true);
    assert.equal(ui.send("Two"), false);
    assert.equal(connection.generated.length, 1);
  });

  it("sends the whole conversation, with the part of a stopped answer and without empty answers", () => {
    ui.send("One");
    deliver(token("id1", 1, "First"), done("id1"));
    ui.send("Two");
    deliver(done("id2", { reason: "cancelled" }));
    ui.send("Three");
    deliver(token("id3", 1, "Thi"), done("id3", { reason: "cancelled" }));
    ui.send("Four");
    assert.deepEqual(connection.generated.at(-1)?.messages, [
      { role: "user", content: "One" },
      { role: "assistant", content: "First" },
      { role: "user", content: "Three" },
      { role: "assistant", content: "Thi" },
      { role: "user", content: "Four" },
    ]);
  });

  it("stops and says how long that took", () => {
    ui.send("Hi");
    deliver(token("id1", 1, "He"));
    ui.composerStopped();
    assert.deepEqual(connection.cancelled, ["id1"]);
    assert.equal(composer.mode, "stopping");
    assert.equal(answer().status, "Stopping…");
    deliver(token("id1", 2, "l"));
    assert.equal(answer().status, "Stopping…");
    deliver(done("id1", { reason: "cancelled", timings: { stop: 12 }, usage: { completion_tokens: 2 } }));
    assert.equal(answer().status, "Stopped after 12 ms · 2 tokens");
    assert.equal(composer.mode, "idle");
    assert.equal(said.at(-1), "Answer stopped");
  });

  it("has nothing to stop while nothing is written", () => {
    ui.stop();
    assert.deepEqual(connection.cancelled, []);
    assert.equal(composer.mode, "idle");
  });

  it("replaces the text by a snapshot", () => {
    ui.send("Hi");
    deliver(token("id1", 1, "He"), { type: "snapshot", id: "id1", epoch: "f", seq: 5, text: "Hello" });
    assert.equal(answer().text, "Hello");
    deliver(done("id1"));
    ui.send("More");
    assert.equal(connection.generated.at(-1)?.messages[1]?.content, "Hello");
  });

  it("shows why a request was refused and offers to try again", () => {
    ui.send("Hi");
    deliver(rejected("id1", true));
    assert.equal(answer().status, "Failed: Too long.");
    assert.equal(composer.mode, "idle");
    assert.deepEqual(answer().offers.map(({ label }) => label), ["Try again"]);
    const refused = answer();
    refused.press("Try again");
    assert.equal(refused.isRemoved, true);
    assert.deepEqual(connection.generated.at(-1), { id: "id2", messages: [{ role: "user", content: "Hi" }] });
  });

  it("gives a message back that will never be taken as it is", () => {
    ui.send("Hi");
    deliver(rejected("id1", false));
    answer().press("Edit message");
    assert.equal(composer.text, "Hi");
    assert.equal(answer().isRemoved, true);
    assert.equal(transcript.clears, 1);
  });

  it("offers to leave out the earlier messages when the chat has outgrown the context", () => {
    ui.send("One");
    deliver(token("id1", 1, "First answer"), done("id1"));
    ui.send("Two");
    const error = /** @type {const} */ ({ type: "error", code: "context_overflow", message: "Too long.", retryable: false });
    deliver({ type: "rejected", id: "id2", error });
    assert.deepEqual(answer().offers.map(({ label }) => label), ["Send without the earlier messages", "Edit message"]);
    answer().press("Send without the earlier messages");
    assert.deepEqual(connection.generated.at(-1)?.messages, [{ role: "user", content: "Two" }]);
    deliver(token("id3", 1, "Second answer"), done("id3"));
    ui.send("Three");
    assert.deepEqual(connection.generated.at(-1)?.messages.map(({ content }) => content), ["Two", "Second answer", "Three"]);
  });

  it("offers to try again when the prompt alone is too long", () => {
    ui.send("Two");
    const error = /** @type {const} */ ({ type: "error", code: "context_overflow", message: "Too long.", retryable: false });
    deliver({ type: "rejected", id: "id1", error });
    assert.deepEqual(answer().offers.map(({ label }) => label), ["Try again", "Edit message"]);
  });

  it("keeps a draft rather than overwrite it", () => {
    ui.send("Hi");
    deliver(rejected("id1", false));
    composer.text = "A draft";
    answer().press("Edit message");
    assert.equal(composer.text, "A draft");
    assert.equal(answer().isRemoved, false);
  });

  it("withdraws the offers once the conversation goes on", () => {
    ui.send("Hi");
    deliver(rejected("id1", true));
    const refused = answer();
    ui.send("Something else");
    assert.deepEqual(refused.offers, []);
  });

  it("offers to try again after a failure and keeps the text", () => {
    ui.send("Hi");
    deliver(token("id1", 1, "He"), done("id1", { reason: "failed", error: { code: "x", message: "Broken." } }));
    assert.equal(answer().text, "He");
    assert.equal(answer().status, "Failed: Broken.");
    answer().press("Try again");
    assert.deepEqual(connection.generated.at(-1)?.messages, [{ role: "user", content: "Hi" }]);
  });

  it("keeps the text of an answer that the server no longer knows", () => {
    ui.send("Hi");
    deliver(token("id1", 1, "He"), { type: "lost", id: "id1" });
    assert.equal(answer().text, "He");
    assert.equal(answer().status, "The rest is gone: the server no longer knows this answer");
    assert.equal(composer.mode, "idle");
  });

  it("says that a message waits for the connection, and takes it back", () => {
    ui.connectionChanged({ name: "waiting", retryAt: 1000 });
    ui.send("Hi");
    assert.equal(answer().status, "Waiting for the connection, then it is sent");
    ui.stop();
    deliver({ type: "withdrawn", id: "id1" });
    assert.equal(answer().status, "Stopped before it was sent");
    assert.equal(composer.mode, "idle");
  });

  it("says that the connection is lost and goes on when it is back", () => {
    ui.send("Hi");
    deliver({ type: "status", id: "id1", state: "decode" }, token("id1", 1, "He"));
    ui.connectionChanged({ name: "waiting", retryAt: 1000 });
    assert.equal(answer().status, "Connection lost. The answer goes on once it is back");
    ui.connectionChanged(CONNECTED);
    assert.equal(answer().status, "Writing · 1 token");
    assert.deepEqual(said.slice(1), ["Connection lost, reconnecting", "Connected again"]);
  });

  it("shows the connection and tries again on request", () => {
    ui.connectionChanged({ name: "refused", code: 4429, reason: "too many" });
    assert.equal(shown.at(-1)?.name, "refused");
    assert.equal(said.at(-1), "The server refused the connection");
    ui.connectionRetried();
    assert.equal(connection.retries, 1);
  });

  it("begins a new chat and stops what is written for the old one", () => {
    ui.send("One");
    deliver(token("id1", 1, "First"));
    ui.startNewChat();
    assert.deepEqual(connection.cancelled, ["id1"]);
    assert.equal(transcript.clears, 1);
    assert.equal(composer.mode, "idle");
    ui.send("Two");
    deliver(token("id1", 2, "late"), done("id1", { reason: "cancelled" }));
    assert.equal(answer().text, "");
    assert.equal(composer.mode, "running");
    assert.deepEqual(connection.generated.at(-1)?.messages, [{ role: "user", content: "Two" }]);
    assert.deepEqual(tabs.open().transcript.answers.map(({ prompt }) => prompt), ["Two"]);
  });

  it("ends the connection when it is closed", () => {
    ui.close();
    assert.equal(connection.isRunning, false);
  });
});
