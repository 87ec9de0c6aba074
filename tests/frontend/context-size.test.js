import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { ApiError } from "../../frontend/conversations/api.js";
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
    await settle();
    assert.deepEqual([tab.counts.at(-1), asked(tabs)], [null, []]);
  });

  it("shows what the server counts, once for each version", async () => {
    const { tabs, tab, shown } = await opened();
    assert.equal(shown(), 100);
    tab.ui.connectionDelivered({ type: "conversation", ...tabs.server.put("c", { title: "Other" }), deleted: false });
    await settle();
    assert.equal(shown(), 200);
    assert.deepEqual(asked(tabs), ["context c m1", "context c m1"]);
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
    await settle();
    assert.deepEqual([shown(), asked(tabs).length], [null, 2]);
  });

  it("shows nothing of a chat that was left", async () => {
    const { tabs, tab } = await opened();
    tabs.server.putChat("d", ["Hi", "Hello", "More", "Yes"]);
    tabs.server.put("d");
    tab.ui.conversationChosen("d", null);
    await settle();
    assert.deepEqual(asked(tabs).at(-1), "context d m3");
    assert.equal(tab.counts.at(-1)?.tokens, 200);
    tab.ui.startNewChat();
    assert.equal(tab.counts.at(-1), null);
  });
});
