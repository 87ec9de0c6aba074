import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { KEY } from "../../frontend/conversations/comparisons.js";
import { CONNECTED, FakeTabs, WAITING, accepted, done, rejected, settle, token } from "./fake-parts.js";

/** @typedef {ReturnType<FakeTabs["open"]>} Tab */

const PRECISE = { temperature: 0.2 };

describe("Answers that are compared", () => {
  /** @type {FakeTabs} */
  let tabs;
  /** @type {Tab} */
  let tab;

  beforeEach(async () => {
    tabs = new FakeTabs();
    tab = await open(null);
  });

  /** @param {string | null} conversation */
  async function open(conversation) {
    const opened = tabs.open(conversation);
    opened.ui.connectionChanged(CONNECTED);
    await settle();
    return opened;
  }

  /** Asks for three answers. */
  async function compare(content = "Why?") {
    tab.compareSetup.open({ label: "A", model: "m1" }, { label: "B", model: "m2", params: PRECISE }, { label: "C" });
    const before = tab.connection.generated.length;
    tab.ui.composerSent(content);
    await settle();
    return tab.connection.generated.slice(before).map(({ id }) => id);
  }

  /** The server accepts the requests, and each answer has begun. */
  async function begun(content = "Why?") {
    const ids = await compare(content);
    for (const request of tab.connection.generated.slice(-ids.length)) {
      tabs.server.take(request);
      tab.ui.connectionDelivered(accepted(request.id));
      tab.ui.connectionDelivered(token(request.id, 1, `Text of ${request.id}`));
    }
    await changed();
    return /** @type {[string, string, string]} */ (ids);
  }

  /** The server tells of a new version of the open conversation. @param {Tab} [at] */
  async function changed(at = tab) {
    const document = tabs.server.documents.get(at.address.conversation ?? "");
    assert.ok(document);
    at.ui.connectionDelivered({ type: "conversation", ...document });
    await settle();
  }

  /** @param {string} id @param {Partial<import("../../frontend/protocol/messages.js").Done>} [fields] */
  async function end(id, fields) {
    tabs.server.end(id, `Text of ${id}`, fields?.reason === "cancelled" ? { state: "stopped", reason: "cancelled" } : undefined);
    tab.ui.connectionDelivered(done(id, fields));
    await changed();
  }

  const columns = (at = tab) => at.comparison.columns;
  const selected = (at = tab) => columns(at).find(({ isSelected }) => isSelected)?.shown.id;
  const leafChanges = () => tabs.server.asked.filter((asked) => asked.includes('"leaf"'));

  it("are asked with one question: the first brings it, and the others name it", async () => {
    const [first, second, third] = await compare();
    const { message_id: question, conversation } = tab.connection.generated[0] ?? assert.fail();
    assert.deepEqual(tab.connection.generated, [
      { type: "generate", id: first, conversation, parent: null, content: "Why?", message_id: question, model: "m1" },
      { type: "generate", id: second, conversation, parent: question, model: "m2", params: PRECISE },
      { type: "generate", id: third, conversation, parent: question },
    ]);
    assert.equal(tabs.server.asked.filter((asked) => asked.startsWith("create")).length, 1);
    assert.equal(tab.said.at(-1), "3 answers started");
    assert.equal(tab.compareSetup.isOpen, false);
  });

  it("are shown side by side below the question, each with its text, its speed and its state", async () => {
    const ids = await begun();
    assert.deepEqual(tab.transcript.texts, ["Why?"]);
    assert.deepEqual(tab.comparison.texts, ids.map((id) => `Text of ${id}`));
    assert.deepEqual(columns().map(({ label, isWriting }) => [label, isWriting]), [["A", true], ["B", true], ["C", true]]);
    tab.ui.connectionDelivered({ type: "status", id: ids[1], state: "decode", tokens_per_second: 50 });
    assert.equal(tab.comparison.find(ids[1])?.status, "Writing · 50 tokens/s · 1 token");
    tab.ui.connectionDelivered(token(ids[2], 2, " and more"));
    assert.equal(tab.comparison.find(ids[2])?.text, `Text of ${ids[2]} and more`);
    await end(ids[0]);
    assert.deepEqual(columns().map(({ isWriting }) => isWriting), [false, true, true]);
    assert.equal(tab.composer.mode, "running");
    assert.equal(tab.said.at(-1), "Answer finished");
    await end(ids[1]);
    assert.equal(tab.said.at(-1), "Another answer finished");
    await end(ids[2]);
    assert.equal(tab.composer.mode, "idle");
  });

  it("are stopped one by one, or all at once", async () => {
    const [first, second, third] = await begun();
    tab.comparison.delegate?.columnStopped(second);
    assert.deepEqual(tab.connection.cancelled, [second]);
    assert.deepEqual(columns().map(({ isStopping }) => isStopping), [false, true, false]);
    await end(second, { reason: "cancelled" });
    assert.equal(tab.ui.stop(), true);
    assert.deepEqual(tab.connection.cancelled, [second, first, third]);
    assert.equal(tab.composer.mode, "stopping");
  });

  it("go on after a reload, and in another tab", async () => {
    const ids = await begun();
    const other = await open(tab.address.conversation);
    assert.deepEqual(other.connection.followed.sort(), [...ids].sort());
    assert.deepEqual(columns(other).map(({ label, isWriting }) => [label, isWriting]), [["A", true], ["B", true], ["C", true]]);
    assert.deepEqual([selected(other), other.composer.mode], [ids[0], "running"]);
    tab.comparison.delegate?.columnSelected(ids[1]);
    assert.equal(selected(other), ids[1]);
  });

  it("continue with the next question below the selected one", async () => {
    const ids = await begun();
    tab.comparison.delegate?.columnSelected(ids[1]);
    for (const id of ids) await end(id);
    assert.equal(selected(), ids[1]);
    tab.ui.composerSent("And then?");
    await settle();
    const next = tab.connection.generated.at(-1) ?? assert.fail();
    assert.deepEqual([next.parent, next.content], [ids[1], "And then?"]);
    assert.deepEqual(columns(), []);
    assert.deepEqual(tab.transcript.texts, ["Why?", `Text of ${ids[1]}`, "And then?", ""]);
    assert.equal(tab.transcript.find(ids[1])?.shown.branch.index, 2);
  });

  it("queue the next question until all have ended", async () => {
    const ids = await begun();
    tab.ui.composerSent("And then?");
    await end(ids[0]);
    await end(ids[1]);
    assert.equal(tab.queueView.words, "Queued. It will be sent when this answer ends.");
    assert.equal(tab.connection.generated.length, 3);
    await end(ids[2]);
    assert.deepEqual([tab.connection.generated.length, tab.connection.generated.at(-1)?.parent], [4, ids[0]]);
  });

  it("become versions when one is kept, which is then the chat's branch", async () => {
    const ids = await begun();
    await end(ids[0]);
    tab.comparison.delegate?.columnKept(ids[1]);
    await settle();
    assert.deepEqual(tab.connection.cancelled, [ids[2]]);
    assert.deepEqual(columns(), []);
    assert.deepEqual(tab.transcript.last.shown.branch, { index: 2, count: 3 });
    assert.equal(leafChanges().at(-1), `change ${tab.address.conversation} {"leaf":"${ids[1]}"}`);
    await changed();
    assert.equal(tab.transcript.last.shown.id, ids[1]);
  });

  it("make the model of the kept one the chat's", async () => {
    const models = ["m1", "m2"].map((name) => ({ name, state: "loaded", context: 9 }));
    tab.ui.connectionChanged({ name: "connected", welcome: { type: "welcome", models }, transport: "websocket" });
    const ids = await begun();
    for (const id of ids) await end(id);
    const document = tabs.server.documents.get(tab.address.conversation ?? "") ?? assert.fail();
    tabs.server.put(document.id, { messages: document.messages.map((each) => (each.id === ids[1] ? { ...each, model: "m2" } : each)) });
    await changed();
    tab.comparison.delegate?.columnKept(ids[1]);
    assert.equal(tab.ui.settings.model, "m2");
  });

  it("keep their place while other changes of the chat arrive", async () => {
    const ids = await begun();
    tab.comparison.delegate?.columnSelected(ids[2]);
    await settle();
    tabs.server.put(tab.address.conversation ?? "", { leaf: ids[0] });
    await changed();
    assert.equal(selected(), ids[2]);
  });

  it("are chosen on the server only once it has them all", async () => {
    const [first] = await compare();
    assert.deepEqual(columns().map(({ mayBeKept }) => mayBeKept), [false, false, false]);
    tab.comparison.delegate?.columnSelected(columns()[1]?.shown.id ?? "");
    await settle();
    assert.deepEqual(leafChanges(), []);
    assert.notEqual(selected(), first);
  });

  it("wait for the connection with their question, and are sent in order", async () => {
    tab.ui.connectionChanged(WAITING);
    const sent = await compare();
    assert.deepEqual([sent, columns().length], [[], 3]);
    tab.ui.connectionChanged(CONNECTED);
    await settle();
    assert.deepEqual(tab.connection.generated.map(({ content }) => content), ["Why?", undefined, undefined]);
    const [question] = tab.connection.generated;
    assert.deepEqual(tab.connection.generated.slice(1).map(({ parent }) => parent), [question?.message_id, question?.message_id]);
  });

  it("are given up with their question", async () => {
    const [first, second, third] = await compare();
    for (const id of [first, second, third]) tab.ui.connectionDelivered(rejected(id ?? "", false, "context_overflow"));
    await settle();
    assert.deepEqual(columns(), []);
    assert.deepEqual(tab.transcript.texts, ["Why?", ""]);
    assert.match(tab.transcript.last.status, /too long/);
    assert.equal(tab.composer.mode, "idle");
    tab.ui.messageOffered("discard", first ?? "");
    assert.equal(tabs.browser.values.get("streamui.outbox.v1"), "{}");
  });

  it("are withdrawn with their question before it is sent", async () => {
    tab.ui.connectionChanged(WAITING);
    await compare();
    tab.ui.stop();
    tab.ui.connectionChanged(CONNECTED);
    await settle();
    assert.deepEqual(tab.connection.generated, []);
    assert.deepEqual(tab.transcript.texts, ["Why?", ""]);
    assert.equal(tab.transcript.last.status, "Not sent");
  });

  it("show the reason in the column of one that is refused", async () => {
    const ids = await compare();
    for (const request of tab.connection.generated.slice(0, 2)) {
      tabs.server.take(request);
      tab.ui.connectionDelivered(accepted(request.id));
    }
    tab.ui.connectionDelivered(rejected(ids[2] ?? "", true, "rate_limited"));
    await settle();
    assert.equal(columns().length, 3);
    assert.equal(columns()[2]?.shown.line?.tone, "bad");
    assert.deepEqual(tab.transcript.texts, ["Why?"]);
  });

  it("are one answer again when the others have been deleted", async () => {
    const ids = await begun();
    for (const id of ids) await end(id);
    const document = tabs.server.documents.get(tab.address.conversation ?? "") ?? assert.fail();
    tabs.server.put(document.id, { messages: document.messages.filter(({ id }) => id !== ids[1] && id !== ids[2]), leaf: ids[0] });
    await changed();
    assert.deepEqual(columns(), []);
    assert.deepEqual(tab.transcript.texts, ["Why?", `Text of ${ids[0]}`]);
  });

  it("are not compared once something was asked below one of them elsewhere", async () => {
    const ids = await begun();
    for (const id of ids) await end(id);
    tabs.server.take({ type: "generate", id: "g9", conversation: tab.address.conversation ?? "", parent: ids[1], content: "Next", message_id: "m9" });
    await changed();
    assert.deepEqual(columns(), []);
    assert.deepEqual(tab.transcript.texts, ["Why?", `Text of ${ids[1]}`, "Next", ""]);
  });

  it("can't be steered: an instruction would be for one of several", async () => {
    tab.ui.connectionChanged({ name: "connected", welcome: { type: "welcome", features: ["steer"] }, transport: "websocket" });
    await begun();
    assert.equal(tab.composer.steers, false);
  });

  it("can be set up only while no answer is being written", async () => {
    assert.equal(tab.compareSetup.isOffered, true);
    const ids = await begun();
    assert.equal(tab.compareSetup.isOffered, false);
    for (const id of ids) await end(id);
    assert.equal(tab.compareSetup.isOffered, true);
  });

  it("have the whole dialogue each in a temporary chat, and leave nothing behind", async () => {
    tab.ui.startTemporaryChat();
    await compare("A secret?");
    const dialogues = tab.connection.summaries.map(({ messages, params, model }) => ({ messages, params, model }));
    const messages = [{ role: "user", content: "A secret?" }];
    assert.deepEqual(dialogues, [
      { messages, params: {}, model: "m1" }, { messages, params: PRECISE, model: "m2" }, { messages, params: {}, model: undefined },
    ]);
    const ids = tab.connection.summaries.map(({ id }) => id);
    for (const id of ids) for (const event of [accepted(id), token(id, 1, id), done(id)]) tab.ui.connectionDelivered(event);
    assert.deepEqual(tab.comparison.texts, ids);
    tab.comparison.delegate?.columnKept(ids[1] ?? "");
    assert.deepEqual(tab.transcript.texts, ["A secret?", ids[1]]);
    assert.equal(tabs.browser.values.get(KEY) ?? "{}", "{}");
  });
});
