import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { ApiError } from "../../frontend/conversations/api-error.js";
import { CONNECTED, FakeTabs, WAITING, accepted, done, settle, token } from "./fake-parts.js";

/**
 * A page that shows a chat of two messages, counted by the server.
 * @param {(tabs: FakeTabs) => void} [prepare]
 */
async function opened(prepare) {
  const tabs = new FakeTabs();
  tabs.server.putChat("c", ["Hi", "Hello"]);
  prepare?.(tabs);
  const tab = tabs.open("c");
  tab.ui.connectionChanged(CONNECTED);
  await settle();
  return { tabs, tab, shown: () => tab.counts.at(-1)?.tokens ?? null };
}

/** @param {FakeTabs} tabs */
const asked = (tabs) => tabs.server.asked.filter((what) => what.startsWith("context"));

describe("context meter", () => {
  it("is empty in a new chat, and nothing is asked of the server", async () => {
    const tabs = new FakeTabs();
    const tab = tabs.open();
    tab.ui.connectionChanged(CONNECTED);
    tab.connection.watchBegun();
    await settle();
    assert.deepEqual([tab.counts.at(-1), asked(tabs)], [null, []]);
  });

  it("waits until the chat's model is loaded", async () => {
    const tabs = new FakeTabs();
    tabs.server.putChat("c", ["Hi", "Hello"]);
    const tab = tabs.open("c");
    const model = { name: "big", state: "on_disk", context: 2048 };
    tab.ui.connectionChanged({ name: "connected", transport: "websocket", welcome: { type: "welcome", models: [model] } });
    await settle();
    assert.deepEqual([tab.counts.at(-1), asked(tabs)], [null, []]);
    tab.ui.connectionDelivered({ type: "model", ...model, state: "loading", done: 1, total: 2 });
    await settle();
    assert.deepEqual(asked(tabs), []);
    tab.ui.connectionDelivered({ type: "model", ...model, state: "loaded" });
    await settle();
    assert.deepEqual([tab.counts.at(-1)?.tokens, asked(tabs)], [100, ["context c m1"]]);
  });

  it("is that of the new default model where the chat has chosen none", async () => {
    const tabs = new FakeTabs();
    tabs.server.putChat("c", ["Hi", "Hello"]);
    const tab = tabs.open("c");
    const [old, big] = [{ name: "old", state: "on_disk", context: 2048 }, { name: "big", state: "loaded", context: 2048 }];
    tab.ui.connectionChanged({ name: "connected", transport: "websocket", welcome: { type: "welcome", models: [old, big] } });
    await settle();
    assert.deepEqual(asked(tabs), []);
    tab.ui.connectionDelivered({ type: "model", ...big, default: true });
    await settle();
    assert.deepEqual(asked(tabs), ["context c m1"]);
  });

  it("shows what the server counts, once for each version", async () => {
    const { tabs, tab, shown } = await opened();
    assert.equal(shown(), 100);
    tab.ui.connectionDelivered({ type: "conversation", ...tabs.server.put("c", { title: "Other" }), deleted: false });
    await settle();
    assert.equal(shown(), 200);
    assert.deepEqual(asked(tabs), ["context c m1", "context c m1"]);
  });

  it("asks only once the transcript is complete, and for the newest version alone", async () => {
    const { tabs, tab, shown } = await opened();
    const { transcript } = tab;
    transcript.isQuiet = false;
    for (const title of ["Second", "Third"]) {
      tab.ui.connectionDelivered({ type: "conversation", ...tabs.server.put("c", { title }), deleted: false });
      await settle();
    }
    assert.deepEqual([asked(tabs).length, transcript.waiting.length], [1, 2]);
    for (const then of transcript.waiting.splice(0)) then();
    await settle();
    assert.deepEqual([asked(tabs).length, shown()], [2, 300]);
  });

  it("grows with each token while an answer is written, and is exact at its end", async () => {
    const { tabs, tab, shown } = await opened();
    tab.ui.send("More");
    await settle();
    assert.equal(shown(), 100, "what has not been sent is not counted");
    const [request] = tab.connection.generated;
    assert.ok(request?.id);
    const { id } = request;
    const document = tabs.server.take(request);
    tab.ui.connectionDelivered(accepted(id));
    tab.ui.connectionDelivered({ type: "conversation", ...document, deleted: false });
    await settle();
    const before = shown() ?? 0;
    for (let seq = 1; seq <= 3; seq += 1) tab.ui.connectionDelivered(token(id, seq, "a"));
    assert.equal(shown(), before + 3);
    assert.equal(asked(tabs).length, 2, "tokens are counted here");
    tab.ui.connectionDelivered(done(id, { usage: { prompt_tokens: 210, completion_tokens: 4 } }));
    assert.equal(shown(), 214);
  });

  it("is counted again over a new connection, since the model may be another one", async () => {
    const { tabs, tab, shown } = await opened();
    tab.ui.connectionChanged(WAITING);
    tabs.server.counted = { tokens: 7, context: 50 };
    tab.ui.connectionChanged(CONNECTED);
    tab.connection.watchBegun();
    await settle();
    assert.deepEqual([shown(), tab.counts.at(-1)?.context], [7, 50]);
  });

  it("is empty where the server can't count, and is not asked for again and again", async () => {
    const { tabs, tab, shown } = await opened();
    const context = tabs.server.context.bind(tabs.server);
    tabs.server.context = async (id, parent) => {
      await context(id, parent);
      throw new ApiError("no", { status: 400, code: "invalid_field" });
    };
    tab.ui.connectionChanged(CONNECTED);
    tab.connection.watchBegun();
    await settle();
    assert.deepEqual([shown(), asked(tabs).length], [null, 2]);
  });

  it("shows nothing of a chat that was left", async () => {
    const { tabs, tab } = await opened();
    tabs.server.putChat("d", ["Hi", "Hello", "More", "Yes"]);
    tabs.server.put("d");
    tab.ui.libraryEvents.conversationChosen("d", null);
    await settle();
    assert.deepEqual(asked(tabs).at(-1), "context d m3");
    assert.equal(tab.counts.at(-1)?.tokens, 200);
    tab.ui.startNewChat();
    assert.equal(tab.counts.at(-1), null);
  });
});

describe("a chat that no longer fits into the context", () => {
  const FULL = { tokens: 600, context: 1000, room: 750, dropped: 2 };

  /** @param {Partial<import("../../frontend/conversations/api.js").ContextCount>} counted @param {import("../../frontend/conversations/api.js").Settings} [settings] */
  async function full(counted, settings = {}) {
    return await opened((tabs) => {
      tabs.server.putChat("c", ["One", "First", "Two", "Second"]);
      tabs.server.put("c", { settings });
      tabs.server.counted = counted;
    });
  }

  /** @param {FakeTabs["open"] extends (...args: any) => infer T ? T : never} tab */
  const boundaries = (tab) => [...tab.transcript.messages.values()].map(({ shown }) => shown.boundary?.text ?? "");

  it("asks what to do about it once, and offers to undo the choice", async () => {
    const { tabs, tab } = await full(FULL);
    assert.equal(tab.choices.at(-1), true);
    tab.ui.contextChosen("drop");
    await settle();
    assert.deepEqual([tab.choices.at(-1), tabs.server.documents.get("c")?.settings], [false, { truncation: "auto" }]);
    tab.toasts.at(-1)?.action?.act();
    await settle();
    assert.deepEqual([tab.choices.at(-1), tabs.server.documents.get("c")?.settings], [true, {}]);
  });

  it("keeps the other settings", async () => {
    const { tabs, tab } = await full(FULL, { system: "Be brief." });
    tab.ui.contextChosen("drop");
    await settle();
    assert.deepEqual(tabs.server.documents.get("c")?.settings, { system: "Be brief.", truncation: "auto" });
  });

  it("can be left for a new chat, which begins empty", async () => {
    const { tab } = await full(FULL);
    tab.ui.contextChosen("elsewhere");
    assert.deepEqual([tab.address.conversation, tab.choices.at(-1), tab.counts.at(-1)], [null, false, null]);
    assert.equal(tab.transcript.instead, "welcome");
  });

  it("has a line below the last message that the model no longer sees", async () => {
    const { tab } = await full(FULL);
    assert.deepEqual(boundaries(tab), ["", "The model no longer sees the messages above", "", ""]);
  });

  it("has no line where the model sees everything", async () => {
    const { tab } = await full({ tokens: 700 });
    assert.deepEqual(boundaries(tab), ["", "", "", ""]);
    assert.equal(tab.choices.at(-1), false);
  });

  it("asks before the first message is left out", async () => {
    const { tab } = await full({ tokens: 751 });
    assert.equal(tab.choices.at(-1), true);
  });

  it("asks where nothing may be left out, once no further message fits", async () => {
    const { tab } = await full({ tokens: 900 }, { truncation: "disabled" });
    assert.equal(tab.choices.at(-1), false);
    const other = await full({ tokens: 1200 }, { truncation: "disabled" });
    assert.equal(other.tab.choices.at(-1), true);
  });

  it("does not ask while an answer is written", async () => {
    const { tab } = await full(FULL);
    tab.ui.send("More");
    await settle();
    assert.equal(tab.choices.at(-1), false);
  });

  /** @param {Partial<import("../../frontend/conversations/api.js").ContextCount>} counted */
  async function offersAfterFull(counted) {
    const { tab } = await opened((tabs) => {
      const { messages } = tabs.server.putChat("c", ["One", "First"]);
      tabs.server.put("c", { messages: messages.map((each) => (each.role === "user" ? each : { ...each, reason: "length", limit: "context" })) });
      tabs.server.counted = counted;
    });
    return tab.transcript.last.shown.offers.includes("continue");
  }

  it("offers to continue an answer only where there is room for more of it", async () => {
    assert.equal(await offersAfterFull({ tokens: 1000 }), false);
    assert.equal(await offersAfterFull({ tokens: 700, dropped: 4 }), true);
  });
});
