import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { Queue } from "../../frontend/conversations/queue.js";
import { CONNECTED, FakeTabs, WAITING, accepted, done, rejected, settle, token } from "./fake-parts.js";

/** @typedef {import("../../frontend/protocol/messages.js").Generate} Generate */
/** @typedef {ReturnType<FakeTabs["open"]>} Tab */

const QUEUED = "Queued. It will be sent when this answer ends.";

describe("A message that is written while an answer is", () => {
  /** @type {FakeTabs} */
  let tabs;
  /** @type {Tab[]} */
  let opened;
  /** @type {Tab} */
  let tab;

  beforeEach(async () => {
    tabs = new FakeTabs();
    opened = [];
    tab = await open(null);
  });

  /** @param {string | null} conversation */
  async function open(conversation) {
    const other = tabs.open(conversation);
    opened.push(other);
    other.ui.connectionChanged(CONNECTED);
    await settle();
    return other;
  }

  /** @param {Tab} at */
  function asked(at = tab) {
    const request = at.connection.generated.at(-1);
    assert.ok(request);
    return request;
  }

  /** @param {Tab} [at] @returns {(string | undefined)[]} what was asked, one after the other */
  const questions = (at = tab) => at.connection.generated.map(({ content }) => content);

  /** The server takes what was asked last. @param {Tab} [at] */
  async function take(at = tab) {
    const request = asked(at);
    tabs.server.take(request);
    for (const each of opened) {
      each.ui.connectionDelivered(accepted(request.id));
      each.ui.connectionDelivered(token(request.id, 1, "An"));
    }
    await changed(request);
    return request;
  }

  /** @param {Generate} request */
  async function changed({ conversation }) {
    const document = /** @type {any} */ (tabs.server.documents.get(conversation));
    const writing = document.messages.flatMap((/** @type {any} */ { state, generation }) => (state === "writing" ? [generation] : []));
    for (const each of opened) each.ui.connectionDelivered({ type: "conversation", ...document, writing });
    await settle();
  }

  /**
   * What is being written ends so, in every tab that reads it.
   * @param {Generate} request
   * @param {Partial<import("../../frontend/protocol/messages.js").Done>} [end]
   */
  async function end(request, end = {}) {
    const reason = end.reason ?? "stop";
    const state = /** @type {const} */ ({ stop: "done", cancelled: "stopped" })[/** @type {"stop"} */ (reason)] ?? "failed";
    tabs.server.end(request.id, "An answer", { state, reason });
    for (const each of opened) each.ui.connectionDelivered(done(request.id, end));
    await settle();
    await changed(request);
  }

  /** An answer is being written. */
  async function begin() {
    tab.ui.composerSent("First");
    await settle();
    return await take();
  }

  it("is queued, shown and read out, and sent under the answer when that has ended", async () => {
    const first = await begin();
    tab.ui.composerSent("Second");
    assert.deepEqual([tab.queueView.texts, tab.queueView.words, tab.queueView.mayBeSent], [["Second"], QUEUED, false]);
    assert.equal(tab.said.at(-1), QUEUED);
    assert.deepEqual(questions(), ["First"]);
    await end(first);
    assert.deepEqual(questions(), ["First", "Second"]);
    assert.equal(asked().parent, first.id);
    assert.deepEqual([tab.queueView.texts, tab.queueView.words], [[], ""]);
    assert.deepEqual(tab.transcript.texts.slice(-2), ["Second", ""]);
  });

  /** Another tab puts a message into the queue of the conversation; gives what the queue has then. @param {Partial<import("../../frontend/conversations/queue.js").Queued>} item */
  async function queueElsewhere(item) {
    const conversation = asked().conversation ?? "";
    const other = tabs.browser.openTab();
    new Queue(other, other).add({ id: "queued", message: "written", conversation, content: "Second", after: null, ...item });
    await settle();
    return new Queue(other, other).of(conversation);
  }

  it("leaves the queue and is not sent if the conversation has it already", async () => {
    const first = await begin();
    await end(first);
    const queued = await queueElsewhere({ message: first.message_id ?? "", content: "First" });
    assert.deepEqual(questions(), ["First"]);
    assert.deepEqual([queued, tab.queueView.texts], [[], []]);
  });

  it("is sent once if it is refused at once", async () => {
    await end(await begin());
    const { connection } = tab;
    const generate = connection.generate.bind(connection);
    connection.generate = (request) => {
      generate(request);
      tab.ui.connectionDelivered(rejected(request.id, false, "too_large"));
    };
    assert.deepEqual(await queueElsewhere({}), []);
    assert.deepEqual(questions(), ["First", "Second"]);
  });

  it("is sent in its turn where several are queued", async () => {
    const first = await begin();
    for (const text of ["Second", "Third"]) tab.ui.composerSent(text);
    assert.equal(tab.queueView.words, "Queued. They will be sent one by one when this answer ends.");
    await end(first);
    const second = await take();
    assert.deepEqual([questions(), tab.queueView.texts], [["First", "Second"], ["Third"]]);
    await end(second);
    assert.deepEqual(questions(), ["First", "Second", "Third"]);
    assert.equal(asked().parent, second.id);
  });

  it("is sent after the answer was stopped", async () => {
    const first = await begin();
    tab.ui.composerSent("Second");
    assert.equal(tab.ui.stop(), true);
    assert.deepEqual(tab.queueView.texts, ["Second"]);
    await end(first, { reason: "cancelled" });
    assert.deepEqual(questions(), ["First", "Second"]);
  });

  it("waits for the user after the answer failed, and then goes at once", async () => {
    const first = await begin();
    tab.ui.composerSent("Second");
    await end(first, { reason: "failed", error: { code: "engine_failed", message: "It broke." } });
    assert.deepEqual([questions(), tab.queueView.texts], [["First"], ["Second"]]);
    assert.deepEqual([tab.queueView.words, tab.queueView.mayBeSent], ["Not sent: the last answer failed.", true]);
    tab.ui.queue.queuedSent(tab.queueView.items[0]?.id ?? "");
    await settle();
    assert.deepEqual(questions(), ["First", "Second"]);
    assert.deepEqual(tab.queueView.texts, []);
  });

  it("is sent by itself once the failed answer was written anew", async () => {
    const first = await begin();
    tab.ui.composerSent("Second");
    await end(first, { reason: "failed", error: { code: "engine_failed", message: "It broke." } });
    tab.ui.messageOffered("retry", first.id);
    await settle();
    const again = await take();
    assert.deepEqual(questions(), ["First", undefined]);
    await end(again);
    assert.deepEqual(questions(), ["First", undefined, "Second"]);
    assert.equal(asked().parent, again.id);
  });

  it("waits for the user after the message before it was refused", async () => {
    tab.ui.composerSent("First");
    await settle();
    tab.ui.composerSent("Second");
    tab.ui.connectionDelivered(rejected(asked().id, true, "overloaded"));
    await settle();
    assert.deepEqual([questions(), tab.queueView.texts, tab.queueView.mayBeSent], [["First"], ["Second"], true]);
  });

  it("goes out after the message before it was taken back without a connection", async () => {
    tab.ui.connectionChanged(WAITING);
    tab.ui.composerSent("First");
    tab.ui.composerSent("Second");
    assert.deepEqual(tab.queueView.texts, ["Second"]);
    tab.ui.stop();
    await settle();
    tab.ui.connectionChanged(CONNECTED);
    await settle();
    assert.deepEqual(questions(), ["Second"]);
  });

  it("can be edited and removed", async () => {
    const first = await begin();
    for (const text of ["Second", "Third", "Fourth"]) tab.ui.composerSent(text);
    tab.composer.write("A draft");
    const [second, third] = tab.queueView.items;
    tab.ui.queue.queuedEdited(second?.id ?? "");
    tab.ui.queue.queuedRemoved(third?.id ?? "");
    assert.deepEqual([tab.composer.text, tab.queueView.texts], ["Second\n\nA draft", ["Fourth"]]);
    await end(first);
    assert.deepEqual(questions(), ["First", "Fourth"]);
  });

  it("comes back into an empty composer with the arrow key", async () => {
    await begin();
    for (const text of ["Second", "Third"]) tab.ui.composerSent(text);
    assert.equal(tab.ui.editLast(), true);
    assert.deepEqual([tab.composer.text, tab.queueView.texts], ["Third", ["Second"]]);
    assert.equal(tab.ui.editLast(), false);
  });

  it("survives a reload", async () => {
    const first = await begin();
    tab.ui.composerSent("Second");
    tab.ui.close();
    opened = [];
    tab = await open(first.conversation);
    assert.deepEqual([tab.queueView.texts, tab.queueView.words], [["Second"], QUEUED]);
    await end(first);
    assert.deepEqual(questions(), ["Second"]);
  });

  it("is sent after a reload that came after the answer's end", async () => {
    const first = await begin();
    tab.ui.composerSent("Second");
    tab.ui.close();
    opened = [];
    await end(first);
    tab = await open(first.conversation);
    assert.deepEqual(questions(), ["Second"]);
    assert.equal(asked().parent, first.id);
  });

  it("is sent in its conversation while another one is open", async () => {
    const first = await begin();
    for (const text of ["Second", "Third"]) tab.ui.composerSent(text);
    tab.ui.startNewChat();
    assert.deepEqual(tab.queueView.texts, []);
    await end(first);
    assert.deepEqual(questions(), ["First", "Second"]);
    const second = await take();
    assert.deepEqual([second.conversation, second.parent], [first.conversation, first.id]);
    assert.equal(tab.address.conversation, null);
    await end(second);
    assert.deepEqual([questions().at(-1), asked().parent], ["Third", second.id]);
  });

  it("is not sent elsewhere after its answer failed", async () => {
    const first = await begin();
    tab.ui.composerSent("Second");
    tab.ui.startNewChat();
    await end(first, { reason: "failed", error: { code: "engine_failed", message: "It broke." } });
    assert.deepEqual(questions(), ["First"]);
    tab.ui.libraryEvents.conversationChosen(first.conversation, null);
    await settle();
    assert.deepEqual([questions(), tab.queueView.texts, tab.queueView.mayBeSent], [["First"], ["Second"], true]);
  });

  it("is shown in every tab, and asked once", async () => {
    const first = await begin();
    const other = await open(first.conversation);
    for (const text of ["Second", "Third"]) tab.ui.composerSent(text);
    assert.deepEqual(other.queueView.texts, ["Second", "Third"]);
    await end(first);
    const sent = opened.flatMap((each) => each.connection.generated).filter(({ content }) => content === "Second");
    assert.equal(new Set(sent.map(({ id, parent }) => `${id} ${parent}`)).size, 1);
    assert.deepEqual(other.queueView.texts, ["Third"]);
    const second = sent[0];
    assert.ok(second);
    tabs.server.take(second);
    for (const each of opened) each.ui.connectionDelivered(accepted(second.id));
    await changed(second);
    await end(second);
    const third = opened.flatMap((each) => each.connection.generated).filter(({ content }) => content === "Third");
    assert.deepEqual([...new Set(third.map(({ id, parent }) => `${id} ${parent}`))], [`${third[0]?.id} ${second.id}`]);
    assert.equal(tabs.server.documents.get(first.conversation)?.messages.length, 4);
  });

  it("waits where another version of the chat is shown", async () => {
    tabs.server.putChat("a", ["Hi", "Hello"]);
    tab = await open("a");
    tab.ui.messageEdited("m0", "Hi again");
    await settle();
    const edited = await take();
    tab.ui.composerSent("Second");
    tab.ui.messageActed("previous", edited.message_id ?? "");
    await settle();
    await end(edited);
    assert.deepEqual(questions(), ["Hi again"]);
    assert.deepEqual([tab.queueView.words, tab.queueView.mayBeSent], ["Queued in another version of this chat.", true]);
    tab.ui.messageActed("next", "m0");
    await settle();
    assert.deepEqual([questions().at(-1), asked().parent], ["Second", edited.id]);
  });

  it("is sent once the conversation has been read", async () => {
    tabs.server.putChat("a", ["Hi", "Hello"]);
    tab = tabs.open("a");
    tab.ui.composerSent("Go on");
    assert.deepEqual([tab.queueView.texts, tab.queueView.words], [["Go on"], "Queued. It will be sent when this chat has loaded."]);
    tab.ui.connectionChanged(CONNECTED);
    await settle();
    assert.deepEqual([questions(), asked().parent], [["Go on"], "m1"]);
  });

  it("is sent once a conversation has been read whose last message was refused", async () => {
    tabs.server.putChat("a", ["Hi", "Hello"]);
    tab = await open("a");
    tab.ui.composerSent("Refused");
    await settle();
    tab.ui.connectionDelivered(rejected(asked().id, false, "unsupported"));
    tab.ui.close();
    tab = tabs.open("a");
    tab.ui.composerSent("Go on");
    tab.ui.connectionChanged(CONNECTED);
    await settle();
    assert.deepEqual([questions(), tab.queueView.texts], [["Go on"], []]);
  });

  it("is sent there although the reader has left the conversation before it was read", async () => {
    tabs.server.putChat("a", ["Hi", "Hello"]);
    tab = await open("a");
    tab.ui.startNewChat();
    tab.ui.libraryEvents.conversationChosen("a", null);
    tab.ui.composerSent("Go on");
    tab.ui.startNewChat();
    await settle();
    assert.deepEqual([questions(), asked().conversation, tab.address.conversation], [["Go on"], "a", null]);
  });

  it("goes to a new chat where its own was deleted, and only when the user says so", async () => {
    const first = await begin();
    tab.ui.composerSent("Second");
    tabs.server.documents.delete(first.conversation);
    tab.ui.connectionDelivered(/** @type {any} */ ({ type: "conversation", id: first.conversation, version: 9, writing: [], deleted: true }));
    await settle();
    assert.deepEqual([questions(), tab.queueView.words], [["First"], "Not sent: this chat was deleted."]);
    tab.ui.queue.queuedSent(tab.queueView.items[0]?.id ?? "");
    await settle();
    assert.equal(asked().content, "Second");
    assert.notEqual(asked().conversation, first.conversation);
  });

  it("goes and comes back with its conversation", async () => {
    const { conversation } = await begin();
    tab.ui.composerSent("Second");
    tab.ui.libraryEvents.conversationRemoved(conversation);
    tab.ui.libraryEvents.conversationRestored(conversation);
    tab.ui.libraryEvents.conversationChosen(conversation, null);
    await settle();
    assert.deepEqual(tab.queueView.texts, ["Second"]);
  });

  it("is written to a new chat where the conversation is not found", async () => {
    tab = await open("nowhere");
    tab.ui.composerSent("Hi");
    await settle();
    assert.deepEqual(questions(), ["Hi"]);
    assert.notEqual(asked().conversation, "nowhere");
  });
});
