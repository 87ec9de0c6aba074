import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { ApiError } from "../../frontend/conversations/api-error.js";
import { CONNECTED, FakeTabs, WAITING, accepted, done, rejected, settle, token } from "./fake-parts.js";

/** @typedef {import("../../frontend/protocol/messages.js").Generate} Generate */
/** @typedef {import("../../frontend/protocol/session.js").SessionEvent} SessionEvent */
/** @typedef {ReturnType<FakeTabs["open"]>} Tab */

const TOO_LONG = "conversation: the prompt has at least 46371 tokens and the context holds 8192, the answer included; shorten it";

describe("A message that is not sent", () => {
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
    await settle();
    tab.ui.connectionChanged(CONNECTED);
    await settle();
    return tab;
  }

  /** @param {SessionEvent[]} events */
  async function deliver(...events) {
    for (const event of events) tab.ui.connectionDelivered(event);
    await settle();
  }

  function asked() {
    const request = tab.connection.generated.at(-1);
    assert.ok(request);
    return request;
  }

  /** @param {string} text */
  async function ask(text) {
    assert.equal(tab.ui.send(text), true);
    await settle();
    return asked();
  }

  /** What was asked for last is answered. @param {string} answer */
  async function answer(answer) {
    const request = asked();
    tabs.server.take(request);
    await deliver(accepted(request.id), token(request.id, 1, answer));
    tabs.server.end(request.id, answer);
    await deliver(done(request.id), { type: "conversation", .../** @type {any} */ (tabs.server.documents.get(request.conversation)) });
    return request;
  }

  /** @param {string} text @param {string} said */
  async function exchange(text, said) {
    await ask(text);
    return await answer(said);
  }

  /** @param {string} text @param {string} [code] @param {string} [message] */
  async function refuse(text, code = "context_overflow", message = TOO_LONG) {
    const request = await ask(text);
    const refusal = rejected(request.id, false, code);
    await deliver({ ...refusal, error: { ...refusal.error, message } });
    return request;
  }

  const shown = () => [...tab.transcript.messages.values()];
  const offers = () => tab.transcript.last.shown.offers;
  const listed = () => tab.library.holdings.conversations.map(({ title }) => title);

  it("does not come between the next message and what the server has", async () => {
    const first = await exchange("One", "First");
    await refuse("Too long");
    await refuse("Too long again");
    const next = await exchange("Two", "Second");
    assert.equal(next.parent, first.id);
    assert.deepEqual(tab.transcript.texts, ["One", "First", "Too long", "", "Too long again", "", "Two", "Second"]);
    assert.deepEqual(shown().map(({ shown: { branch } }) => branch.count), [1, 1, 1, 1, 1, 1, 1, 1]);
    assert.equal(tab.composer.mode, "idle");
  });

  it("stands at its place after a reload, in another tab, and on the way back from another conversation", async () => {
    const { conversation } = await exchange("One", "First");
    await refuse("Too long");
    await exchange("Two", "Second");
    const texts = ["One", "First", "Too long", "", "Two", "Second"];
    await open(conversation);
    assert.deepEqual(tab.transcript.texts, texts);
    tab.ui.startNewChat();
    tab.ui.libraryEvents.conversationChosen(conversation, null);
    await settle();
    assert.deepEqual(tab.transcript.texts, texts);
    assert.equal((await ask("Three")).parent, tabs.server.documents.get(conversation)?.leaf);
  });

  it("may be the first one of a chat, which then begins with the next one", async () => {
    const refused = await refuse("Too long");
    assert.deepEqual(listed(), ["Too long"]);
    const next = await exchange("Hello", "Hi");
    assert.deepEqual([next.parent, next.conversation], [null, refused.conversation]);
    assert.deepEqual(tab.transcript.texts, ["Too long", "", "Hello", "Hi"]);
  });

  it("lets the chat go on after a reload where the server has no message of it, or nothing at all", async () => {
    for (const isForgotten of [false, true]) {
      tabs = new FakeTabs();
      await open(null);
      const { conversation } = await refuse("Too long");
      if (isForgotten) tabs.server.documents.delete(conversation);
      await open(conversation);
      assert.deepEqual(tab.transcript.texts, ["Too long", ""]);
      assert.equal((await exchange("Hello", "Hi")).parent, null);
      assert.deepEqual(tab.transcript.texts, ["Too long", "", "Hello", "Hi"]);
    }
  });

  it("takes its chat along when it is edited or deleted, where nothing else was said", async () => {
    for (const offer of /** @type {const} */ (["edit", "discard"])) {
      tabs = new FakeTabs();
      await open(null);
      tab.ui.set({ system: "Be brief." });
      const { id } = await refuse("Too long");
      tab.ui.messageOffered(offer, id);
      assert.deepEqual([tab.transcript.instead, tab.address.conversation, listed()], ["welcome", null, []]);
      assert.equal(tab.composer.text, offer === "edit" ? "Too long" : "");
      assert.deepEqual(tab.ui.settings, { system: "Be brief." });
      await exchange("Hello", "Hi");
      assert.deepEqual(tab.transcript.texts, ["Hello", "Hi"]);
    }
  });

  it("is deleted, and brought back", async () => {
    await exchange("One", "First");
    const { id } = await refuse("Too long");
    tab.ui.messageOffered("discard", id);
    assert.deepEqual(tab.transcript.texts, ["One", "First"]);
    assert.equal(tab.toasts.at(-1)?.text, "Message deleted");
    tab.toasts.at(-1)?.action?.act();
    assert.deepEqual(tab.transcript.texts, ["One", "First", "Too long", ""]);
  });

  it("is copied", async () => {
    const { message_id: question } = await refuse("Too long");
    tab.ui.messageActed("copy", question ?? "");
    await settle();
    assert.deepEqual(tab.copied, ["Too long"]);
  });

  it("is edited where it is beside a draft, and then sent to the end", async () => {
    await exchange("One", "First");
    const { message_id: question, id } = await refuse("Too long");
    const second = await exchange("Two", "Second");
    tab.composer.text = "A draft";
    tab.ui.messageOffered("edit", id);
    assert.equal(tab.transcript.find(question ?? "")?.isEditing, true);
    tab.ui.messageEdited(question ?? "", "Shorter");
    await settle();
    assert.deepEqual([asked().parent, asked().content], [second.id, "Shorter"]);
    assert.deepEqual(tab.transcript.texts, ["One", "First", "Two", "Second", "Shorter", ""]);
  });

  it("is what the arrow up edits where it came last", async () => {
    await exchange("One", "First");
    await refuse("Too long");
    assert.equal(tab.ui.editLast(), true);
    assert.equal(tab.composer.text, "Too long");
    assert.deepEqual(tab.transcript.texts, ["One", "First"]);
  });

  it("leaves the earlier version in view where it was another version of a message", async () => {
    const first = await exchange("One", "First");
    await exchange("Two", "Second");
    tab.ui.messageEdited(first.message_id ?? "", "Too long");
    await settle();
    const { id } = asked();
    await deliver(rejected(id, false, "context_overflow"));
    assert.deepEqual(tab.transcript.texts, ["Too long", "", "One", "First", "Two", "Second"]);
    assert.equal(tab.transcript.revealed, id);
    tab.ui.set({ system: "Another one." });
    tab.ui.messageOffered("retry", id);
    await settle();
    assert.deepEqual([asked().parent, asked().content], [null, "Too long"]);
    await answer("Anew");
    assert.deepEqual(shown()[0]?.shown.branch, { index: 2, count: 2 });
  });

  it("is no version of an answer where it was to be answered again, and goes with the next message", async () => {
    const first = await exchange("One", "First");
    tab.ui.messageActed("regenerate", first.id);
    await settle();
    await deliver(rejected(asked().id, true, "busy"));
    assert.deepEqual(tab.transcript.texts, ["One", "First", ""]);
    assert.deepEqual([tab.transcript.last.status, offers()], ["The server is busy. Try again in a moment.", ["retry", "dismiss"]]);
    assert.deepEqual(shown()[1]?.shown.branch, { index: 1, count: 1 });
    assert.equal((await exchange("Two", "Second")).parent, first.id);
    assert.deepEqual(tab.transcript.texts, ["One", "First", "Two", "Second"]);
  });

  it("leaves an answer as it was where that was to be continued", async () => {
    const request = await ask("One");
    tabs.server.take(request);
    await deliver(accepted(request.id), token(request.id, 1, "First"));
    tabs.server.end(request.id, "First", { state: "stopped", reason: "cancelled" });
    await deliver(done(request.id, { reason: "cancelled" }));
    tab.ui.messageOffered("continue", request.id);
    await settle();
    await deliver(rejected(asked().id, false, "context_overflow"));
    assert.deepEqual(tab.transcript.texts, ["One", "First"]);
    assert.deepEqual(offers(), ["dismiss"]);
    tab.ui.messageOffered("dismiss", request.id);
    assert.deepEqual(offers(), ["continue"]);
    assert.equal((await exchange("Two", "Second")).parent, request.id);
  });

  describe("says why, in the page's own words", () => {
    for (const [code, message, words] of /** @type {const} */ ([
      ["context_overflow", TOO_LONG, "This message is too long: about 46,400 tokens; this model fits 8,192."],
      ["context_overflow", "too long", "This message is too long for this model."],
      ["unsupported", "params.json_schema: .type must be a string", 'The JSON schema isn\'t valid: "type" must be a string. Change or clear it in Settings.'],
      [
        "unsupported",
        "params.json_schema: .properties.a.format is not supported: leave it out",
        'The JSON schema can\'t be used: "properties.a.format" is not supported: leave it out. Change or clear it in Settings.',
      ],
      [
        "unsupported",
        "params.json_schema: it is nested deeper than 64 levels",
        "The JSON schema can't be used: it is nested deeper than 64 levels. Change or clear it in Settings.",
      ],
      [
        "invalid_field",
        "params.json_schema must be an object of up to 65536 bytes as JSON, not 70000; shorten it",
        "The JSON schema is too large: at most 64 KiB. Shorten it in Settings.",
      ],
      ["invalid_field", "params.json_schema must be an object, not a list", "The JSON schema isn't valid: it must be an object, not a list. Change or clear it in Settings."],
      ["invalid_field", "params.temperature must be a number", "A setting of this chat isn't valid. Change it in Settings, then try again."],
      ["empty_prompt", "content is blank", "This message is empty."],
      ["bad_json", "not JSON", "The server couldn't read this message. Edit it and send it again."],
      ["frame_too_large", "too large", "This message is too large to send. Shorten it."],
    ])) {
      it(`for ${code}: ${message}, and does not offer to try again in vain`, async () => {
        await refuse("Hi", code, message);
        assert.deepEqual([tab.transcript.last.status, offers()], [words, ["edit", "discard"]]);
        assert.equal(tab.said.at(-1), words);
      });
    }

    for (const code of ["busy", "rate_limited", "engine_failed", "storage_failed", "internal", "connection_lost", "something_new"]) {
      it(`for ${code}, and offers to try again`, async () => {
        const { id } = await refuse("Hi", code);
        assert.deepEqual(offers(), ["retry", "edit", "discard"]);
        tab.ui.messageOffered("retry", id);
        await settle();
        assert.equal(asked().content, "Hi");
        await answer("Hello");
        assert.deepEqual(tab.transcript.texts, ["Hi", "Hello"]);
      });
    }

    it("blames the system prompt where that is longer than the message, and the message otherwise", async () => {
      await exchange("One", "First");
      await refuse("Two");
      assert.match(tab.transcript.last.status, /^This message is too long: about 46,400 tokens/);
      assert.deepEqual(offers(), ["edit", "discard"]);
      tab.ui.set({ system: "Be brief. ".repeat(20_000) });
      await refuse("Three");
      assert.match(tab.transcript.last.status, /^The system prompt is too long: about 46,400 tokens/);
    });

    it("says so where the chat is too long and not the message alone, and earlier messages are not left out", async () => {
      tab.ui.set({ truncation: "disabled" });
      await exchange("One", "First ".repeat(5000));
      await refuse("Two");
      assert.match(tab.transcript.last.status, /^This chat with this message is too long: about 46,400 tokens/);
      assert.deepEqual(offers(), ["edit", "discard"]);
      tab.ui.contextChosen("drop");
      assert.deepEqual(offers(), ["retry", "edit", "discard"], "once the oldest messages may be dropped");
    });

    it("does not offer to leave out the earlier messages where the message alone is too long", async () => {
      tab.ui.set({ truncation: "disabled" });
      await exchange("One", "First");
      await refuse("x".repeat(150_000));
      assert.deepEqual(offers(), ["edit", "discard"]);
    });

    it("offers to try again once the settings have changed, and no longer when they are as before", async () => {
      tab.ui.set({ params: { json_schema: { type: "nope" } } });
      await refuse("Hi", "unsupported", "params.json_schema: no");
      assert.deepEqual(offers(), ["edit", "discard"]);
      tab.ui.set({});
      assert.deepEqual(offers(), ["retry", "edit", "discard"]);
      tab.ui.set({ params: { json_schema: { type: "nope" } } });
      assert.deepEqual(offers(), ["edit", "discard"]);
    });
  });

  it("is answered with the present settings, also where the server has kept those of the first attempt", async () => {
    tab.ui.set({ params: { json_schema: { type: "nope" } } });
    const { conversation, id } = await refuse("Hi", "unsupported", "params.json_schema: no");
    tab.ui.set({ params: { temperature: 1 } });
    tab.ui.messageOffered("retry", id);
    await settle();
    assert.deepEqual(tabs.server.documents.get(conversation)?.settings, { params: { temperature: 1 } });
    await answer("Hello");
    assert.deepEqual(tab.ui.settings, { params: { temperature: 1 } });
  });

  it("is reported where another conversation is open by then, with the way back", async () => {
    const { id } = await ask("Too long");
    tab.ui.startNewChat();
    await deliver(rejected(id, false, "context_overflow"));
    assert.deepEqual([tab.transcript.instead, tab.toasts.at(-1)?.text], ["welcome", "A message in “Too long” wasn't sent."]);
    tab.toasts.at(-1)?.action?.act();
    await settle();
    assert.deepEqual(tab.transcript.texts, ["Too long", ""]);
    assert.deepEqual(offers(), ["edit", "discard"]);
  });

  it("is made of whole characters before it leaves the page", async () => {
    const { content } = await ask("a\ud83d");
    assert.equal(content, "a\ufffd");
    assert.deepEqual(tab.transcript.texts, ["a\ufffd", ""]);
  });

  it("waits where a proxy says that the server is away", async () => {
    tabs.server.trouble = new ApiError("The server answered with the status 502.", { status: 502, isTemporary: true });
    tab.ui.send("Hi");
    await settle();
    assert.deepEqual([tab.transcript.last.status, tab.composer.mode], ["Sending…", "running"]);
    tabs.server.trouble = null;
    tabs.clock.advance(3000);
    await settle();
    assert.equal(asked().content, "Hi");
  });

  it("is settled where making the conversation fails for a reason that is no lost connection", async () => {
    tabs.server.trouble = /** @type {any} */ (new RangeError("Maximum call stack size exceeded"));
    tab.ui.send("Hi");
    await settle();
    assert.deepEqual([tab.composer.mode, tab.transcript.last.shown.line?.tone], ["idle", "bad"]);
  });

  describe("because it was stopped before", () => {
    it("does not come between the next message and what the server has", async () => {
      const first = await exchange("One", "First");
      tab.ui.connectionChanged(WAITING);
      tab.ui.send("Stopped");
      tab.ui.stop();
      tab.ui.send("Later");
      tab.ui.connectionChanged(CONNECTED);
      await settle();
      assert.deepEqual([asked().content, asked().parent], ["Later", first.id]);
      await answer("Second");
      assert.deepEqual(tab.transcript.texts, ["One", "First", "Stopped", "", "Later", "Second"]);
      assert.equal(shown()[3]?.status, "Not sent");
    });

    it("is gone where it had no text", async () => {
      const first = await exchange("One", "First");
      tab.ui.connectionChanged(WAITING);
      tab.ui.messageActed("regenerate", first.id);
      tab.ui.stop();
      assert.deepEqual(tab.transcript.texts, ["One", "First"]);
    });

    it("is stopped in every tab that carries it", async () => {
      const other = tabs.open(null);
      other.ui.connectionChanged(CONNECTED);
      tab.ui.connectionChanged(WAITING);
      tab.ui.send("Hi");
      await settle();
      const [request] = other.connection.generated;
      tab.ui.stop();
      assert.deepEqual(other.connection.cancelled, [request?.id]);
    });
  });

  describe("because of what happened elsewhere", () => {
    /** @param {Generate} request @param {string} message */
    async function unknown(request, message) {
      const refusal = rejected(request.id, false, "unknown_id");
      await deliver({ ...refusal, error: { ...refusal.error, message } });
    }

    it("is asked under the nearest message that is left, and keeps its name", async () => {
      const first = await exchange("One", "First");
      const second = await exchange("Two", "Second");
      const request = await ask("Three");
      assert.equal(request.parent, second.id);
      await tabs.server.removeMessage(request.conversation, second.message_id ?? "");
      await unknown(request, "parent: no such message");
      assert.deepEqual([asked().id, asked().parent], [request.id, first.id]);
      await answer("Third");
      assert.deepEqual(tab.transcript.texts, ["One", "First", "Three", "Third"]);
    });

    it("is moved by one tab where two have asked it at its old place", async () => {
      const first = await exchange("One", "First");
      const second = await exchange("Two", "Second");
      const other = tabs.open(first.conversation);
      await settle();
      other.ui.connectionChanged(CONNECTED);
      await settle();
      const request = await ask("Three");
      assert.deepEqual(other.connection.generated.map(({ id }) => id), [request.id]);
      await tabs.server.removeMessage(request.conversation, second.message_id ?? "");
      await unknown(request, "parent: no such message");
      other.ui.connectionDelivered(rejected(request.id, false, "unknown_id"));
      await settle();
      assert.deepEqual(other.connection.generated.map(({ parent }) => parent), [second.id, first.id]);
      assert.equal(tab.composer.mode, "running");
    });

    it("is asked at the end of what there is where nothing above it is left", async () => {
      await exchange("One", "First");
      const request = await ask("Two");
      tabs.server.putChat(request.conversation, ["Other", "Said"]);
      await unknown(request, "parent: no such message");
      assert.equal(asked().parent, "m1");
    });

    it("stands at the beginning where nothing above it is left", async () => {
      const { conversation } = await exchange("One", "First");
      await refuse("Too long");
      tabs.server.putChat(conversation, ["Other", "Said"]);
      await deliver({ type: "conversation", .../** @type {any} */ (tabs.server.documents.get(conversation)) });
      assert.deepEqual(tab.transcript.texts, ["Too long", "", "Other", "Said"]);
    });

    it("is forgotten where it was only to answer again what was deleted", async () => {
      const first = await exchange("One", "First");
      tab.ui.messageActed("regenerate", first.id);
      await settle();
      tabs.server.putChat(first.conversation, ["Other", "Said"]);
      await unknown(asked(), "parent: no such message");
      assert.deepEqual([tab.transcript.texts, tab.composer.mode], [["Other", "Said"], "idle"]);
    });

    it("is there after all where another tab has brought it", async () => {
      const request = await ask("Hi");
      tabs.server.take(request);
      await deliver(rejected(request.id, false, "id_conflict"));
      assert.deepEqual([tab.connection.followed, tab.transcript.texts], [[request.id], ["Hi", ""]]);
    });

    it("is not waited for where another tab has deleted its chat", async () => {
      const other = tabs.open(null);
      other.ui.connectionChanged(CONNECTED);
      const { id, conversation } = await ask("Hi");
      await tabs.server.remove(conversation);
      other.ui.libraryEvents.conversationRemoved(conversation);
      await settle();
      const before = tab.connection.followed.length;
      await deliver(rejected(id, false, "unknown_id"));
      assert.deepEqual(tab.connection.followed.slice(before), [id], "the page asks what became of it");
      await deliver({ type: "lost", id });
      assert.deepEqual([tab.transcript.texts, tab.composer.mode], [["Hi", ""], "idle"]);
      assert.equal(tab.ui.mayBeAsked, true);
    });

    it("stays in view while another tab brings it", async () => {
      const other = tabs.open(null);
      other.ui.connectionChanged(CONNECTED);
      const request = await ask("Hi");
      tabs.server.take(request);
      other.ui.connectionDelivered(accepted(request.id));
      assert.deepEqual([tab.transcript.texts, tab.composer.mode], [["Hi", ""], "running"]);
      await settle();
      assert.deepEqual([tab.transcript.texts, tab.connection.followed], [["Hi", ""], [request.id]]);
    });

    it("stays in view while another tab has the answer continued", async () => {
      const request = await exchange("Hi", "Hello");
      tabs.server.end(request.id, "", { state: "stopped", reason: "cancelled" });
      await open(request.conversation);
      const other = tabs.open(request.conversation);
      await settle();
      other.ui.connectionChanged(CONNECTED);
      tab.ui.messageOffered("continue", request.id);
      await settle();
      const continued = asked();
      tabs.server.take(continued);
      other.ui.connectionDelivered(accepted(continued.id));
      assert.equal(tab.composer.mode, "running");
      await settle();
      assert.equal(tab.composer.mode, "running");
    });

    it("is sent again at once where the answer above has ended meanwhile", async () => {
      const request = await ask("Hi");
      await deliver(rejected(request.id, false, "unexpected_message"));
      assert.deepEqual(tab.connection.generated.map(({ id }) => id), [request.id, request.id]);
    });

    it("waits for the reader where the answer above is still being written", async () => {
      tabs.server.putChat("a", ["One", "First"]);
      await open("a");
      const request = await ask("Two");
      tabs.server.take({ type: "generate", id: "g", conversation: "a", parent: "m1" });
      await deliver(rejected(request.id, false, "unexpected_message"));
      assert.deepEqual(tab.transcript.texts, ["One", "First", "Two", ""]);
      assert.match(tab.transcript.last.status, /^An answer above is still being written/);
    });

    it("waits where the server can't be reached to find out", async () => {
      const request = await ask("Hi");
      tabs.server.trouble = new ApiError("The server can't be reached.", { isTemporary: true });
      await unknown(request, "parent: no such message");
      assert.equal(tab.composer.mode, "running");
      tabs.server.trouble = null;
      tabs.clock.advance(3000);
      await settle();
      assert.equal(tab.connection.generated.length, 2);
    });

    it("can go to a new chat where its own was deleted, and so does the next one", async () => {
      for (const action of /** @type {const} */ (["elsewhere", "send"])) {
        tabs = new FakeTabs();
        await open(null);
        const { conversation } = await exchange("One", "First");
        const request = await ask("Two");
        tabs.server.documents.delete(conversation);
        await unknown(request, "conversation: no such conversation");
        assert.deepEqual([tab.transcript.texts, tab.transcript.last.status], [["Two", ""], "This chat was deleted."]);
        assert.deepEqual(offers(), ["elsewhere", "edit", "discard"]);
        if (action === "send") tab.ui.send("Three");
        else tab.ui.messageOffered("elsewhere", request.id);
        await settle();
        assert.notEqual(asked().conversation, conversation);
        assert.equal(asked().parent, null);
        await answer("Here");
        assert.deepEqual(tab.transcript.texts, [action === "send" ? "Three" : "Two", "Here"]);
      }
    });

    it("is kept where its conversation, which it was to begin, was deleted", async () => {
      const conflict = new ApiError("id: was deleted", { status: 409, code: "id_conflict" });
      tabs.server.trouble = conflict;
      tab.ui.send("Hi");
      await settle();
      assert.deepEqual([tab.transcript.last.status, offers()], ["This chat was deleted.", ["elsewhere", "edit", "discard"]]);
      assert.deepEqual(listed(), ["Hi"]);
    });

    it("brings its conversation back where that was deleted before anything was said in it", async () => {
      const { conversation, id } = await refuse("Too long", "busy");
      const { create } = tabs.server;
      const known = tabs.server.documents.get(conversation);
      tabs.server.documents.delete(conversation);
      tabs.server.create = async () => {
        Object.assign(tabs.server, { create });
        throw new ApiError("id: was deleted", { status: 409, code: "id_conflict" });
      };
      tabs.server.restore = async () => tabs.server.put(conversation, known);
      tab.ui.messageOffered("retry", id);
      await settle();
      await answer("Hello");
      assert.deepEqual(tab.transcript.texts, ["Too long", "Hello"]);
    });

    it("is brought to its place after it was refused by an earlier version of the page", async () => {
      tabs.server.putChat("a", ["One", "First"]);
      const stored = /** @type {const} */ ({ type: "generate", conversation: "a" });
      const failure = { code: "unknown_id", message: "parent: conversation 'a' has no message 'g1'" };
      const bricks = {
        g1: { request: { ...stored, id: "g1", parent: "m1", content: "Too long", message_id: "q1" }, create: null, at: 1, failure: { code: "context_overflow", message: TOO_LONG } },
        g2: { request: { ...stored, id: "g2", parent: "g1", content: "hello", message_id: "q2" }, create: null, at: 2, failure },
      };
      tabs.browser.values.set("streamui.outbox.v1", JSON.stringify(bricks));
      await open("a");
      assert.deepEqual(tab.transcript.texts, ["One", "First", "Too long", "", "hello", ""]);
      tab.ui.messageOffered("retry", "g2");
      await settle();
      assert.equal(asked().parent, "m1");
      await answer("Hi");
      assert.deepEqual(tab.transcript.texts, ["One", "First", "Too long", "", "hello", "Hi"]);
    });
  });

  it("comes back with its conversation when deleting that is undone", async () => {
    const { conversation } = await refuse("Too long");
    tab.ui.libraryEvents.conversationRemoved(conversation);
    await tab.library.remove(conversation);
    assert.deepEqual([tab.transcript.instead, listed()], ["welcome", []]);
    assert.equal(tab.ui.libraryEvents.conversationRestored(conversation), true);
    tab.ui.libraryEvents.conversationReturned(conversation);
    await settle();
    assert.deepEqual([tab.transcript.texts, listed()], [["Too long", ""], ["Too long"]]);
  });
});
