import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { KEY } from "../../frontend/kept-chat.js";
import { CONNECTED, FakeTabs, done, rejected, token } from "./fake-parts.js";

/** @typedef {import("../../frontend/protocol/session.js").SessionEvent} SessionEvent */
/** @typedef {import("../../frontend/stream-ui.js").StreamUI} StreamUI */
/** @typedef {import("./fake-parts.js").FakeComposer} FakeComposer */
/** @typedef {import("./fake-parts.js").FakeConnection} FakeConnection */
/** @typedef {import("./fake-parts.js").FakeTranscript} FakeTranscript */

describe("A chat that is kept", () => {
  /** @type {FakeConnection} */
  let connection;
  /** @type {FakeComposer} */
  let composer;
  /** @type {FakeTranscript} */
  let transcript;
  /** @type {FakeTabs} */
  let tabs;
  /** @type {StreamUI} */
  let ui;

  beforeEach(() => {
    tabs = new FakeTabs();
    ({ ui, connection, composer, transcript } = tabs.open());
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

  describe("after a reload", () => {
    it("shows the chat and goes on with the answer from where it was kept", () => {
      ui.send("One");
      deliver({ type: "accepted", id: "id1", epoch: "e1", position: 0 }, token("id1", 1, "First"), done("id1"));
      ui.send("Two");
      deliver({ type: "accepted", id: "id2", epoch: "e2", position: 0 }, token("id2", 1, "Sec"));
      ui.save();
      const next = tabs.open();
      assert.deepEqual(next.transcript.answers.map(({ prompt, text }) => [prompt, text]), [["One", "First"], ["Two", "Sec"]]);
      assert.equal(next.transcript.answers[0]?.status, "Done · 8 tokens");
      assert.deepEqual(next.connection.resumed.map(({ id, epoch, seq }) => [id, epoch, seq]), [["id2", "e2", 1]]);
      assert.equal(next.composer.mode, "running");
      next.ui.connectionChanged(CONNECTED);
      assert.equal(next.transcript.answers[1]?.status, "Reading on…");
      next.ui.connectionDelivered({ type: "attached", id: "id2", epoch: "e2" });
      next.ui.connectionDelivered(token("id2", 2, "ond"));
      next.ui.connectionDelivered(done("id2"));
      assert.equal(next.transcript.answers[1]?.text, "Second");
      assert.equal(next.composer.mode, "idle");
      next.ui.send("Three");
      assert.deepEqual(next.connection.generated[0]?.messages.map(({ content }) => content), ["One", "First", "Two", "Second", "Three"]);
    });

    it("keeps new text within a second, and stops on request what goes on", () => {
      ui.send("One");
      deliver({ type: "accepted", id: "id1", epoch: "e1", position: 0 }, token("id1", 1, "Fi"));
      tabs.clock.advance(1000);
      const next = tabs.open();
      assert.equal(next.transcript.answers[0]?.text, "Fi");
      next.ui.stop();
      assert.deepEqual(next.connection.cancelled, ["id1"]);
    });

    it("repeats a stop whose end was not seen", () => {
      ui.send("One");
      deliver({ type: "accepted", id: "id1", epoch: "e1", position: 0 });
      ui.stop();
      const next = tabs.open();
      assert.deepEqual(next.connection.cancelled, ["id1"]);
      assert.equal(next.composer.mode, "stopping");
    });

    it("asks again, word for word, what the server may not have taken", () => {
      ui.send("One");
      const { resumed } = tabs.open().connection;
      assert.deepEqual(resumed.map(({ id, epoch, messages }) => [id, epoch, messages]), [
        ["id1", "", connection.generated[0]?.messages],
      ]);
    });

    it("says what is gone and offers to try again, also after the next reload", () => {
      ui.send("One");
      deliver({ type: "accepted", id: "id1", epoch: "e1", position: 0 }, token("id1", 1, "Fi"));
      ui.save();
      const next = tabs.open();
      next.ui.connectionDelivered({ type: "lost", id: "id1" });
      const last = tabs.open();
      const [lost] = last.transcript.answers;
      assert.deepEqual([lost?.text, lost?.status], ["Fi", "The rest is gone: the server no longer knows this answer"]);
      lost?.press("Try again");
      assert.equal(lost?.isRemoved, true);
      assert.deepEqual(last.connection.generated[0]?.messages, [{ role: "user", content: "One" }]);
      assert.equal(tabs.open().transcript.answers.length, 1);
    });

    it("still leaves out what the model is not to be told", () => {
      ui.send("One");
      deliver(token("id1", 1, "First"), done("id1"));
      ui.send("Two");
      const error = /** @type {const} */ ({ type: "error", code: "context_overflow", message: "Too long.", retryable: false });
      deliver({ type: "rejected", id: "id2", error });
      answer().press("Send without the earlier messages");
      deliver(done("id3"));
      const next = tabs.open();
      next.ui.send("Three");
      assert.deepEqual(next.connection.generated[0]?.messages, [{ role: "user", content: "Three" }]);
    });
  });

  describe("beside another tab", () => {
    /** @type {ReturnType<FakeTabs["open"]>} */
    let other;

    beforeEach(() => {
      other = tabs.open();
      other.ui.connectionChanged(CONNECTED);
    });

    it("shows what is asked there and reads the answer itself", () => {
      other.ui.send("Hi");
      assert.equal(answer().prompt, "Hi");
      assert.equal(composer.mode, "running");
      assert.deepEqual(connection.resumed.map(({ id, messages }) => [id, messages]), [["id1", other.connection.generated[0]?.messages]]);
      deliver({ type: "attached", id: "id1", epoch: "e" }, token("id1", 1, "Hello"), done("id1"));
      assert.equal(answer().text, "Hello");
    });

    it("stops what was asked there, and shows there that it stops", () => {
      other.ui.send("Hi");
      ui.stop();
      assert.deepEqual(connection.cancelled, ["id1"]);
      assert.equal(other.composer.mode, "stopping");
    });

    it("takes over the end that the other has seen, and reads no further", () => {
      ui.send("Hi");
      for (const event of [token("id1", 1, "Hello"), done("id1")]) other.ui.connectionDelivered(event);
      assert.deepEqual([answer().text, answer().status, composer.mode], ["Hello", "Done · 8 tokens", "idle"]);
      assert.deepEqual(connection.forgotten, ["id1"]);
    });

    it("takes away what is taken away there", () => {
      ui.send("Hi");
      deliver(rejected("id1", true));
      const [there] = other.transcript.answers;
      there?.press("Try again");
      assert.deepEqual(transcript.answers.map(({ prompt, isRemoved }) => [prompt, isRemoved]), [["Hi", true], ["Hi", false]]);
    });

    it("begins a new chat when the other does", () => {
      ui.send("Hi");
      other.ui.startNewChat();
      assert.equal(transcript.clears, 1);
      assert.equal(composer.mode, "idle");
      assert.deepEqual(other.connection.cancelled, ["id1"]);
      assert.deepEqual(connection.forgotten, ["id1"]);
    });

    it("stops both where both asked at the same moment", () => {
      ui.send("One");
      const known = tabs.browser.openTab().read(KEY);
      ui.keptChatChanged({ ...known, exchanges: [...known.exchanges, { ...known.exchanges[0], id: "idX" }] }, false);
      ui.stop();
      assert.deepEqual(connection.cancelled, ["id1", "idX"]);
      deliver(done("id1", { reason: "cancelled" }));
      assert.equal(composer.mode, "stopping");
      deliver(done("idX", { reason: "cancelled" }));
      assert.equal(composer.mode, "idle");
    });
  });

  it("works where nothing can be kept", () => {
    const bare = tabs.open({ read: () => null, write: () => {} });
    bare.ui.send("Hi");
    for (const event of [token("id1", 1, "Hello"), done("id1")]) bare.ui.connectionDelivered(event);
    const [only] = bare.transcript.answers;
    assert.deepEqual([only?.text, only?.status], ["Hello", "Done · 8 tokens"]);
  });
});
