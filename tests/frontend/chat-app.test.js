import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { ApiError } from "../../frontend/conversations/api-error.js";
import { CONNECTED, FakeTabs, WAITING, accepted, done, rejected, settle, token } from "./fake-parts.js";

/** @typedef {import("../../frontend/protocol/session.js").SessionEvent} SessionEvent */
/** @typedef {ReturnType<FakeTabs["open"]>} Tab */

describe("ChatApp", () => {
  /** @type {FakeTabs} */
  let tabs;
  /** @type {Tab} */
  let tab;

  beforeEach(async () => {
    tabs = new FakeTabs();
    await open(null);
  });

  /** @param {string | null} conversation */
  async function open(conversation) {
    tab = tabs.open(conversation);
    tab.ui.connectionChanged(CONNECTED);
    await settle();
    return tab;
  }

  /** @param {SessionEvent[]} events */
  function deliver(...events) {
    for (const event of events) tab.ui.connectionDelivered(event);
  }

  /** @param {string} text */
  async function ask(text) {
    assert.equal(tab.ui.send(text), true);
    await settle();
    const request = tab.connection.generated.at(-1);
    assert.ok(request);
    return request;
  }

  /** What was asked for is taken, here and at the server. @param {string} text */
  async function begin(text) {
    const request = await ask(text);
    tabs.server.take(request);
    deliver(accepted(request.id));
    return request;
  }

  /** @param {string} text @param {string} answer */
  async function exchange(text, answer) {
    const request = await begin(text);
    tabs.server.end(request.id, answer);
    deliver(token(request.id, 1, answer), done(request.id));
    tab.ui.connectionDelivered({ type: "conversation", .../** @type {any} */ (tabs.server.documents.get(request.conversation)) });
    await settle();
    return request;
  }

  it("makes drafts of what the composer would send, unless an answer is being written", async () => {
    const models = [{ name: "Two", state: "loaded", context: 2048 }];
    tab.ui.connectionChanged({ name: "connected", welcome: { type: "welcome", models }, transport: "websocket" });
    const { draftAhead } = tab;
    tab.ui.set({ system: "Be brief.", model: "Two" });
    const dialogue = [{ role: "system", content: "Be brief." }, { role: "user", content: "Hi" }];
    assert.deepEqual(draftAhead.draftOf("Hi"), { type: "draft", messages: dialogue, model: "Two" });
    tab.ui.set({});
    assert.deepEqual(draftAhead.draftOf("Hi"), { type: "draft", messages: dialogue.slice(1) });
    tab.ui.composerSent("Hi");
    assert.equal(draftAhead.sends, 1);
    await settle();
    const [request] = tab.connection.generated;
    assert.ok(request);
    assert.equal(draftAhead.draftOf("And then?"), null);
    tabs.server.take(request);
    tabs.server.end(request.id, "Hello.");
    deliver(accepted(request.id), token(request.id, 1, "Hello."), done(request.id));
    tab.ui.connectionDelivered({ type: "conversation", .../** @type {any} */ (tabs.server.documents.get(request.conversation)) });
    await settle();
    const place = { conversation: request.conversation, parent: request.id };
    assert.deepEqual(draftAhead.draftOf("And then?"), { type: "draft", content: "And then?", ...place });
  });

  const offers = () => tab.transcript.last.shown.offers;

  it("asks the chosen model, and the default one where the server no longer has that", async () => {
    const models = ["One", "Two"].map((name) => ({ name, state: "loaded", context: 2048 }));
    const connected = (/** @type {typeof models} */ offered) =>
      tab.ui.connectionChanged({ name: "connected", welcome: { type: "welcome", models: offered }, transport: "websocket" });
    connected(models);
    const { id } = await exchange("Hi", "Hello.");
    assert.equal("model" in (tab.connection.generated[0] ?? {}), false);
    tab.ui.modelChosen("Two");
    tab.ui.messageActed("regenerate", id);
    await settle();
    const again = tab.connection.generated.at(-1);
    assert.equal(again?.model, "Two");
    assert.equal(again?.content, undefined);
    assert.deepEqual(tab.ui.settings, { model: "Two" });
    connected(models.slice(0, 1));
    tab.ui.startNewChat();
    tab.ui.set({ model: "Two" });
    assert.equal("model" in (await ask("And now?")), false);
  });

  it("asks for the size of a chat only where the server can count its tokens", async () => {
    const models = [
      { name: "here", state: "loaded", template: "gguf" },
      { name: "gpu/there", state: "loaded", template: "upstream" },
      { name: "gpu/counts", state: "loaded", template: "upstream", features: ["context"] },
    ];
    tab.ui.connectionChanged({ name: "connected", welcome: { type: "welcome", models }, transport: "websocket" });
    const counts = () => tabs.server.asked.filter((what) => what.startsWith("context ")).length;
    tab.ui.set({ model: "gpu/there" });
    await exchange("Hi", "Hello.");
    assert.equal(counts(), 0);
    tab.ui.startNewChat();
    tab.ui.set({ model: "here" });
    await exchange("Hi", "Hello.");
    assert.ok(counts() > 0);
    const before = counts();
    tab.ui.startNewChat();
    tab.ui.set({ model: "gpu/counts" });
    await exchange("Hi", "Hello.");
    assert.ok(counts() > before);
  });

  it("keeps the chosen effort in the conversation's settings, and drops it for the default", () => {
    tab.ui.set({ system: "Be brief." });
    tab.ui.effortChosen("low");
    assert.deepEqual(tab.ui.settings, { system: "Be brief.", reasoning_effort: "low" });
    tab.ui.effortChosen(undefined);
    assert.deepEqual(tab.ui.settings, { system: "Be brief." });
  });

  it("makes the conversation, then asks in it, and shows both at once", async () => {
    tab.ui.composerSent("Hi");
    assert.deepEqual(tab.transcript.texts, ["Hi", ""]);
    assert.equal(tab.transcript.last.status, "Sending…");
    assert.equal(tab.composer.mode, "running");
    await settle();
    const [request] = tab.connection.generated;
    assert.deepEqual(request, { type: "generate", id: "id3", conversation: "id1", parent: null, content: "Hi", message_id: "id2" });
    assert.ok(tabs.server.asked.includes("create id1"));
    assert.equal(tab.address.conversation, "id1");
    assert.deepEqual(tab.said, ["Answer started"]);
  });

  describe("when a deleted conversation comes back", () => {
    const toDelete = "a";

    beforeEach(async () => {
      for (const id of ["a", "b"]) tabs.server.putChat(id, [`asked in ${id}`, `answered in ${id}`]);
    });

    /** @param {string} id */
    function bringBack(id) {
      tab.ui.libraryEvents.conversationRestored(id);
      tab.ui.libraryEvents.conversationReturned(id);
      return settle();
    }

    it("opens it where it was open, and nothing else has been opened since", async () => {
      await open(toDelete);
      tab.ui.libraryEvents.conversationRemoved(toDelete);
      assert.equal(tab.transcript.instead, "welcome");
      await bringBack(toDelete);
      assert.deepEqual([tab.transcript.texts, tab.address.conversation], [["asked in a", "answered in a"], "a"]);
    });

    it("stays with the conversation that is open", async () => {
      await open("b");
      tab.ui.libraryEvents.conversationRemoved(toDelete);
      await bringBack(toDelete);
      assert.deepEqual([tab.transcript.texts, tab.address.conversation], [["asked in b", "answered in b"], "b"]);
    });

    it("stays with the conversation that was opened since", async () => {
      await open(toDelete);
      tab.ui.libraryEvents.conversationRemoved(toDelete);
      tab.ui.libraryEvents.conversationChosen("b", null);
      await settle();
      await bringBack(toDelete);
      assert.equal(tab.address.conversation, "b");
    });

    it("stays with a new chat that was there before", async () => {
      tab.ui.libraryEvents.conversationRemoved(toDelete);
      await bringBack(toDelete);
      assert.deepEqual([tab.transcript.instead, tab.address.conversation], ["welcome", null]);
    });

    it("stays with a new chat in which something was written or asked since", async () => {
      await open(toDelete);
      tab.ui.libraryEvents.conversationRemoved(toDelete);
      tab.composer.text = "An idea";
      await bringBack(toDelete);
      assert.equal(tab.address.conversation, null);
      await open("b");
      tab.ui.libraryEvents.conversationRemoved("b");
      await ask("A question");
      await bringBack("b");
      assert.notEqual(tab.address.conversation, "b");
    });

    it("opens it where the page says that it isn't there", async () => {
      await open("c");
      tabs.server.putChat("c", ["Hi"]);
      await bringBack("c");
      assert.deepEqual(tab.transcript.texts, ["Hi"]);
    });
  });

  it("lists a new conversation before the server has it", () => {
    tab.ui.send("What is this?\nReally");
    assert.equal(tab.library.find("id1")?.title, "What is this?");
  });

  it("follows an answer from the queue to its end", async () => {
    const { id } = await ask("Hi");
    deliver({ ...accepted(id), position: 1 });
    assert.equal(tab.transcript.last.status, "Queued, 1 ahead");
    deliver({ type: "status", id, state: "decode", tokens_per_second: 50 }, token(id, 1, "Hel"), token(id, 2, "lo"));
    assert.deepEqual([tab.transcript.last.text, tab.transcript.last.status], ["Hello", "Writing · 50 tokens/s · 2 tokens"]);
    deliver(done(id));
    assert.equal(tab.transcript.last.status, "Done · 8 tokens");
    assert.equal(tab.composer.mode, "idle");
    assert.equal(tab.said.at(-1), "Answer finished");
    assert.deepEqual(tab.transcript.last.shown.actions, ["copy", "copy-text", "edit", "regenerate", "branch", "delete"]);
  });

  it("asks one question at a time in a conversation, the next one under the last answer", async () => {
    const { id } = await begin("One");
    assert.equal(tab.ui.send("Two"), false);
    deliver(token(id, 1, "First"), done(id));
    assert.equal((await ask("Two")).parent, id);
  });

  it("stops and says how long that took", async () => {
    const { id } = await begin("Hi");
    deliver(token(id, 1, "He"));
    tab.ui.composerStopped();
    assert.deepEqual(tab.connection.cancelled, [id]);
    assert.deepEqual([tab.composer.mode, tab.transcript.last.status], ["stopping", "Stopping…"]);
    deliver(done(id, { reason: "cancelled", timings: { stop: 12 }, usage: { completion_tokens: 2 } }));
    assert.equal(tab.transcript.last.status, "Stopped · 2 tokens");
    assert.deepEqual(offers(), ["continue"]);
    assert.equal(tab.said.at(-1), "Answer stopped");
  });

  it("goes on with a stopped answer from its text, in its place", async () => {
    const { id, conversation } = await begin("Hi");
    deliver(token(id, 1, "Once upon"));
    tabs.server.end(id, "Once upon", { state: "stopped", reason: "cancelled" });
    deliver(done(id, { reason: "cancelled" }));
    await settle();
    tab.ui.messageOffered("continue", id);
    await settle();
    const request = tab.connection.generated.at(-1);
    assert.deepEqual(request, { type: "generate", id: request?.id, conversation, parent: id });
    tabs.server.take(/** @type {any} */ (request));
    deliver(accepted(request?.id ?? ""), token(request?.id ?? "", 1, " a time"));
    assert.deepEqual(tab.transcript.texts, ["Hi", "Once upon a time"]);
    deliver(done(request?.id ?? ""));
    assert.deepEqual(tab.transcript.texts, ["Hi", "Once upon a time"]);
  });

  it("answers again beside the old answer, and turns between both", async () => {
    const { id, message_id: question } = await exchange("Hi", "First");
    tab.ui.messageActed("regenerate", id);
    await settle();
    const second = tab.connection.generated.at(-1);
    assert.equal(second?.parent, question);
    tabs.server.take(/** @type {any} */ (second));
    deliver(accepted(second?.id ?? ""), token(second?.id ?? "", 1, "Second"), done(second?.id ?? ""));
    assert.deepEqual(tab.transcript.last.shown.branch, { index: 2, count: 2 });
    tab.ui.messageActed("previous", second?.id ?? "");
    await settle();
    assert.deepEqual(tab.transcript.texts, ["Hi", "First"]);
    assert.equal(tab.transcript.focused, id);
    assert.ok(tabs.server.asked.includes(`change id1 {"leaf":"${id}"}`));
    tab.transcript.focused = id;
    assert.equal(tab.ui.turnBranch(1), true);
    assert.deepEqual(tab.transcript.texts, ["Hi", "Second"]);
  });

  it("sends an edited message as a branch beside it", async () => {
    const first = await exchange("Hi", "First");
    assert.equal(tab.ui.editLast(), true);
    assert.equal(tab.transcript.find(first.message_id ?? "")?.isEditing, true);
    tab.ui.messageEdited(first.message_id ?? "", "Hello");
    assert.deepEqual(tab.transcript.texts, ["Hello", ""]);
    assert.deepEqual([...tab.transcript.messages.values()][0]?.shown.branch, { index: 2, count: 2 });
  });

  it("edits nothing while there is a draft", async () => {
    await exchange("Hi", "First");
    tab.composer.text = "A draft";
    assert.equal(tab.ui.editLast(), false);
  });

  it("deletes a message and brings it back", async () => {
    const { id } = await exchange("Hi", "First");
    tab.ui.messageActed("delete", id);
    await settle();
    assert.deepEqual(tab.transcript.texts, ["Hi"]);
    assert.deepEqual(offers(), ["retry"]);
    assert.equal(tab.toasts[0]?.text, "Answer deleted");
    tab.toasts[0]?.action?.act();
    await settle();
    assert.ok(tabs.server.asked.includes(`restore id1 ${id}`));
  });

  it("offers to try a delete again only where that may help", async () => {
    const { id } = await exchange("Hi", "First");
    for (const isTemporary of [true, false]) {
      tabs.server.trouble = new ApiError("No.", { status: isTemporary ? 503 : 400, isTemporary });
      tab.ui.messageActed("delete", id);
      await settle();
      assert.equal(tab.toasts.at(-1)?.action?.label, isTemporary ? "Try again" : undefined);
    }
  });

  it("copies an answer with its marks, or as it is seen", async () => {
    const { id } = await exchange("Hi", "*First*");
    tab.ui.messageActed("copy", id);
    tab.ui.messageActed("copy-text", id);
    await settle();
    assert.deepEqual(tab.copied, ["*First*", "plain *First*"]);
    assert.equal(tab.transcript.last.confirmed, "copy-text");
  });

  describe("when a message is refused", () => {
    it("shows why and sends it again on request", async () => {
      const { id } = await ask("Hi");
      deliver(rejected(id, true));
      assert.equal(tab.transcript.last.status, "The server didn't accept this message.");
      assert.deepEqual([tab.composer.mode, offers()], ["idle", ["retry", "edit", "discard"]]);
      tab.ui.messageOffered("retry", id);
      await settle();
      assert.equal(tab.connection.generated.at(-1)?.content, "Hi");
      assert.deepEqual(tab.transcript.texts, ["Hi", ""]);
    });

    it("gives it back, but does not overwrite a draft", async () => {
      const { id } = await ask("Hi");
      deliver(rejected(id, false));
      tab.composer.text = "A draft";
      tab.ui.messageOffered("edit", id);
      assert.deepEqual([tab.composer.text, [...tab.transcript.messages.values()][0]?.isEditing], ["A draft", true]);
      tab.composer.text = "";
      tab.ui.messageOffered("edit", id);
      assert.equal(tab.composer.text, "Hi");
      assert.equal(tab.transcript.instead, "welcome");
    });

    it("never hides the earlier messages when the chat has outgrown the context", async () => {
      tab.ui.set({ truncation: "disabled" });
      await exchange("One", "First");
      const { id } = await ask("Two");
      deliver(rejected(id, false, "context_overflow"));
      assert.deepEqual(tab.choices.at(-1), true);
      tab.ui.contextChosen("drop");
      assert.deepEqual(tab.choices.at(-1), false);
      tab.ui.messageOffered("retry", id);
      await settle();
      assert.deepEqual(tab.ui.settings, { truncation: "auto" });
      assert.deepEqual(tab.transcript.texts, ["One", "First", "Two", ""]);
    });

    it("follows after a reload what the server took a moment before", async () => {
      const request = await ask("Hi");
      tabs.server.take(request);
      tab = tabs.open(request.conversation);
      await settle();
      tab.ui.connectionChanged(CONNECTED);
      await settle();
      assert.deepEqual([tab.connection.followed, tab.connection.generated], [[request.id], []]);
      deliver({ type: "attached", id: request.id, epoch: "e" }, token(request.id, 1, "Hello"));
      assert.deepEqual(tab.transcript.texts, ["Hi", "Hello"]);
    });

    it("still has it after a reload", async () => {
      const { id, conversation } = await ask("Hi");
      deliver(rejected(id, true));
      await open(conversation);
      assert.deepEqual([tab.transcript.texts, tab.transcript.last.status], [["Hi", ""], "The server didn't accept this message."]);
      assert.deepEqual(tab.connection.generated, []);
    });
  });

  describe("without a connection", () => {
    beforeEach(() => tab.ui.connectionChanged(WAITING));

    it("keeps what is sent, also for a reload, and sends it when there is one", async () => {
      tab.ui.send("Hi");
      assert.equal(tab.transcript.last.status, "Will send when reconnected");
      await settle();
      assert.deepEqual(tab.connection.generated, []);
      const conversation = tab.address.conversation;
      tabs.server.trouble = new ApiError("The server can't be reached.");
      tab = tabs.open(conversation);
      await settle();
      assert.deepEqual(tab.transcript.texts, ["Hi", ""]);
      tabs.server.trouble = null;
      tab.ui.connectionChanged(CONNECTED);
      await settle();
      assert.deepEqual(tab.connection.generated.map(({ id, content }) => [id, content]), [["id3", "Hi"]]);
    });

    it("takes back what has not been sent", async () => {
      tab.ui.send("Hi");
      tab.ui.stop();
      assert.deepEqual([tab.transcript.last.status, tab.composer.mode], ["Not sent", "idle"]);
      tab.ui.connectionChanged(CONNECTED);
      await settle();
      assert.deepEqual(tab.connection.generated, []);
    });

    it("says that the connection is lost and goes on when it is back", async () => {
      tab.ui.connectionChanged(CONNECTED);
      const { id } = await begin("Hi");
      deliver(token(id, 1, "He"));
      tab.ui.connectionChanged(WAITING);
      assert.equal(tab.transcript.last.status, "Connection lost. The answer will continue when it's back.");
      tab.ui.connectionChanged(CONNECTED);
      assert.equal(tab.transcript.last.status, "Writing · 1 token");
      assert.deepEqual(tab.said.slice(-2), ["Connection lost, reconnecting", "Connected again"]);
    });
  });

  describe("with several conversations", () => {
    it("reads an answer that is being written from its beginning", async () => {
      const request = await begin("Hi");
      await open(request.conversation);
      assert.deepEqual(tab.connection.followed, [request.id]);
      assert.equal(tab.transcript.last.status, "Catching up…");
      deliver({ type: "attached", id: request.id, epoch: "e" }, token(request.id, 1, "Hello"));
      assert.deepEqual(tab.transcript.texts, ["Hi", "Hello"]);
    });

    it("leaves one that is being written, and comes back to it", async () => {
      const { id, conversation } = await begin("Hi");
      deliver(token(id, 1, "Hel"));
      tab.ui.startNewChat();
      assert.deepEqual([tab.connection.detached, tab.connection.cancelled], [[id], []]);
      assert.deepEqual([tab.transcript.instead, tab.composer.mode], ["welcome", "idle"]);
      deliver(token(id, 2, "lo"));
      const other = await ask("Something else");
      assert.notEqual(other.conversation, conversation);
      tab.ui.libraryEvents.conversationChosen(conversation, null);
      await settle();
      assert.deepEqual(tab.connection.followed, [id]);
      deliver({ type: "attached", id, epoch: "e" }, token(id, 2, "Hello"));
      assert.deepEqual(tab.transcript.texts, ["Hi", "Hello"]);
    });

    it("lets go of an answer that is taken after the reader has left", async () => {
      const { id } = await ask("Hi");
      tab.ui.startNewChat();
      deliver(accepted(id));
      assert.ok(tab.connection.detached.includes(id));
      await open(null);
      assert.deepEqual(tab.connection.generated, []);
    });

    it("goes back and forward with the address", async () => {
      tabs.server.putChat("a", ["Hi", "Hello"]);
      tab.ui.addressChanged("a");
      assert.equal(tab.transcript.instead, "loading");
      await settle();
      assert.deepEqual(tab.transcript.texts, ["Hi", "Hello"]);
      tab.ui.addressChanged(null);
      assert.equal(tab.transcript.instead, "welcome");
    });

    it("shows the message that was searched for, on whichever branch it is", async () => {
      const { id } = await exchange("Hi", "First");
      tab.ui.messageActed("regenerate", id);
      await settle();
      tabs.server.take(/** @type {any} */ (tab.connection.generated.at(-1)));
      tab.ui.startNewChat();
      tab.ui.libraryEvents.conversationChosen("id1", id);
      await settle();
      assert.deepEqual([tab.transcript.texts, tab.transcript.revealed], [["Hi", "First"], id]);
      assert.equal(tab.transcript.searched, "");
    });

    it("says what a message was searched for with, once it is shown", async () => {
      const { id } = await exchange("Hi", "First");
      tab.ui.startNewChat();
      tab.library.search("firs");
      tab.ui.libraryEvents.conversationChosen("id1", id);
      await settle();
      assert.deepEqual([tab.transcript.revealed, tab.transcript.searched], [id, "firs"]);
    });

    it("says in the title what is open and that something is written", async () => {
      await begin("Hi");
      assert.equal(tab.titles.at(-1), "writing Hi 0");
    });
  });

  describe("beside another page", () => {
    it("shows what is said, written and ended there", async () => {
      tabs.server.putChat("a", ["Hi", "Hello"]);
      await open("a");
      const there = /** @type {const} */ ({ type: "generate", id: "g", conversation: "a", parent: "m1", content: "And?", message_id: "q" });
      const changed = () => deliver({ type: "conversation", .../** @type {any} */ (tabs.server.documents.get("a")) });
      tabs.server.take(there);
      changed();
      await settle();
      assert.deepEqual([tab.transcript.texts, tab.composer.mode], [["Hi", "Hello", "And?", ""], "running"]);
      deliver(token("g", 1, "Then"), done("g"));
      tabs.server.end("g", "Then");
      changed();
      await settle();
      assert.deepEqual([tab.transcript.texts, tab.composer.mode], [["Hi", "Hello", "And?", "Then"], "idle"]);
    });

    it("keeps an end that the server has told but not yet written down", async () => {
      const { id } = await begin("Hi");
      deliver(token(id, 1, "Hello"), done(id));
      await tab.ui.connectionDelivered({ type: "conversation", .../** @type {any} */ (tabs.server.put("id1")) });
      await settle();
      assert.deepEqual([tab.transcript.texts, tab.transcript.last.status, tab.composer.mode], [["Hi", "Hello"], "Done · 8 tokens", "idle"]);
    });

    it("sends what another tab could not bring, and shows it", async () => {
      tab.ui.connectionChanged(WAITING);
      tab.ui.send("Hi");
      const other = tabs.open(tab.address.conversation);
      other.ui.connectionChanged(CONNECTED);
      await settle();
      assert.deepEqual(other.connection.generated.map(({ id }) => id), ["id3"]);
    });

    it("says that a conversation was deleted there", async () => {
      tabs.server.putChat("a", ["Hi", "Hello"]);
      await open("a");
      deliver({ type: "conversation", .../** @type {any} */ (tabs.server.documents.get("a")), deleted: true });
      assert.equal(/** @type {any} */ (tab.transcript.instead).title, "Conversation not found");
      /** @type {any} */ (tab.transcript.instead).act();
      assert.equal(tab.transcript.instead, "welcome");
    });
  });

  describe("where something is missing", () => {
    it("says that there is no such conversation", async () => {
      await open("nowhere");
      assert.equal(/** @type {any} */ (tab.transcript.instead).title, "Conversation not found");
      assert.equal(tab.ui.send("Hi"), false);
    });

    it("says why a conversation can't be opened, and tries again", async () => {
      tabs.server.putChat("a", ["Hi", "Hello"]);
      tabs.server.trouble = new ApiError("disk I/O error", { code: "storage_failed", status: 503 });
      await open("a");
      const trouble = /** @type {any} */ (tab.transcript.instead);
      assert.equal(trouble.text, "The server can't read or save chats right now. Its disk may be full.");
      tabs.server.trouble = null;
      trouble.act();
      await settle();
      assert.deepEqual(tab.transcript.texts, ["Hi", "Hello"]);
    });

    it("says why no conversation can be made", async () => {
      tabs.server.trouble = new ApiError("Conversations can't be kept: the file is broken.", { code: "storage_failed", status: 503 });
      tab.ui.send("Hi");
      await settle();
      assert.equal(tab.transcript.last.status, "The server can't save chats right now. Its disk may be full.");
      assert.deepEqual(offers(), ["retry", "edit", "discard"]);
    });

    it("keeps the text of an answer whose rest is gone", async () => {
      const { id } = await begin("Hi");
      deliver(token(id, 1, "He"), { type: "lost", id });
      assert.deepEqual([tab.transcript.last.text, tab.transcript.last.status], ["He", "The rest of this answer was lost"]);
      assert.equal(tab.composer.mode, "idle");
    });

    it("keeps what is shown of a conversation that the server has lost, and goes on in a new chat", async () => {
      const { id, conversation } = await begin("Hi");
      deliver(token(id, 1, "He"));
      tabs.server.documents.delete(conversation);
      tab.ui.connectionChanged(WAITING);
      tab.ui.connectionChanged(CONNECTED);
      deliver({ type: "lost", id });
      await settle();
      assert.deepEqual(tab.transcript.texts, ["Hi", "He"]);
      assert.equal(tab.composer.mode, "idle");
      const { conversation: next, parent } = await ask("Go on");
      assert.notEqual(next, conversation);
      assert.equal(parent, null);
    });

    it("looks for it again over the next connection, where the server still means to write it", async () => {
      const { id } = await begin("Hi");
      deliver(token(id, 1, "He"), { type: "lost", id });
      await settle();
      assert.deepEqual([tab.transcript.last.text, tab.connection.followed], ["He", []]);
      tab.ui.connectionChanged(CONNECTED);
      tab.connection.watchBegun();
      await settle();
      assert.deepEqual(tab.connection.followed, [id]);
      deliver({ type: "attached", id, epoch: "e" }, token(id, 1, "Hello"));
      assert.equal(tab.transcript.last.text, "Hello");
    });

    it("works where the browser keeps nothing", async () => {
      tab = tabs.open(null, { read: () => null, write: () => {} });
      tab.ui.connectionChanged(CONNECTED);
      const { id } = await begin("Hi");
      deliver(token(id, 1, "Hello"), done(id));
      assert.deepEqual([tab.transcript.texts, tab.transcript.last.status], [["Hi", "Hello"], "Done · 8 tokens"]);
    });
  });

  it("keeps settings in the conversation, and in a new one until it is made", async () => {
    tab.ui.set({ system: "Be brief." });
    await begin("Hi");
    assert.deepEqual(tabs.server.documents.get("id1")?.settings, { system: "Be brief." });
    await settle();
    tab.ui.set({ system: "Be long." });
    await settle();
    assert.deepEqual(tabs.server.documents.get("id1")?.settings, { system: "Be long." });
  });

  it("keeps settings that were chosen while the conversation was read, and saves them", async () => {
    tabs.server.putChat("a", ["Hi", "Hello"]);
    tab = tabs.open("a");
    tab.ui.connectionChanged(CONNECTED);
    tab.ui.set({ system: "Be brief." });
    await settle();
    assert.deepEqual(tab.ui.settings, { system: "Be brief." });
    assert.deepEqual(tabs.server.documents.get("a")?.settings, { system: "Be brief." });
  });

  it("saves settings with the next connection where they could not be saved, and one after the other", async () => {
    await begin("Hi");
    await settle();
    tabs.server.trouble = new ApiError("The server can't be reached.", { isTemporary: true });
    tab.ui.set({ system: "One" });
    await settle();
    tab.ui.set({ system: "Two" });
    await settle();
    assert.equal(tab.toasts.at(-1)?.action?.label, "Try again");
    tabs.server.trouble = null;
    tab.ui.connectionChanged(CONNECTED);
    await settle();
    assert.deepEqual([tab.ui.settings, tabs.server.documents.get("id1")?.settings], [{ system: "Two" }, { system: "Two" }]);
  });

  it("returns to the server's settings where the new ones are refused, and offers no useless retry", async () => {
    await begin("Hi");
    await settle();
    tabs.server.trouble = new ApiError("Too hot.", { status: 400, code: "invalid_field" });
    tab.ui.set({ params: { temperature: 9 } });
    await settle();
    assert.deepEqual([tab.toasts.at(-1)?.text, tab.toasts.at(-1)?.action], ["Couldn't save the settings. One of the values isn't valid.", undefined]);
    tabs.server.trouble = null;
    tab.ui.connectionChanged(CONNECTED);
    tab.connection.watchBegun();
    await settle();
    assert.deepEqual(tab.ui.settings, {});
  });

  it("reads the chats again once changes are delivered, so that it misses none before", async () => {
    await settle();
    tab.ui.connectionChanged(CONNECTED);
    await settle();
    tabs.server.put("other", { title: "From another tab" });
    assert.equal(tab.library.find("other"), undefined);
    tab.connection.watchBegun();
    await settle();
    assert.equal(tab.library.find("other")?.title, "From another tab");
  });

  it("shows the connection and tries again on request", () => {
    tab.ui.connectionChanged({ name: "refused", code: 4429, reason: "too many" });
    assert.equal(tab.shown.at(-1)?.name, "refused");
    assert.equal(tab.said.at(-1), "The server refused the connection");
    tab.ui.connectionRetried();
    assert.equal(tab.connection.retries, 1);
  });

  it("ends the connection when it is closed", () => {
    tab.ui.close();
    assert.equal(tab.connection.isRunning, false);
  });
});
