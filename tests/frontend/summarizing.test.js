import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { ApiError } from "../../frontend/conversations/api-error.js";
import { CONNECTED, FakeTabs, accepted, done, rejected, settle, token } from "./fake-parts.js";

const FULL = { tokens: 90, context: 100, room: 75, dropped: 2 };
const LONG = "x".repeat(100);

/** A page with a chat that no longer fits, and that is being summarized. */
async function summarizing() {
  const tabs = new FakeTabs();
  tabs.server.putChat("c", [LONG, "First", "Two", "Second"]);
  tabs.server.counted = FULL;
  const tab = tabs.open("c");
  tab.ui.connectionChanged(CONNECTED);
  await settle();
  tab.ui.contextChosen("summarize");
  return { tabs, tab };
}

/** @typedef {Awaited<ReturnType<typeof summarizing>>["tab"]} Tab */

/** @param {Tab} tab */
function request(tab) {
  const last = tab.connection.summaries.at(-1);
  assert.ok(last, "nothing was asked");
  return last;
}

/**
 * The model writes a summary of one part.
 * @param {Tab} tab
 * @param {string} text
 * @param {Parameters<typeof done>[1]} [end]
 */
async function write(tab, text, end) {
  const { id } = request(tab);
  tab.ui.connectionDelivered(accepted(id));
  tab.ui.connectionDelivered(token(id, 1, text));
  tab.ui.connectionDelivered(done(id, end));
  await settle();
}

/** @param {FakeTabs} tabs */
const summaries = (tabs) => tabs.server.documents.get("c")?.messages.map(({ summary }) => summary ?? "");

describe("a chat that is summarized", () => {
  it("is given to the model, says how far it is, and keeps the summary at the last message that it stands for", async () => {
    const { tabs, tab } = await summarizing();
    const { id, messages, params } = request(tab);
    assert.deepEqual(messages.slice(1, -1).map(({ content }) => content), [LONG, "First"]);
    assert.equal(params?.["max_tokens"], 32);
    assert.deepEqual(tab.choices.at(-1), { tokens: 0, isStopping: false });
    tab.ui.connectionDelivered(accepted(id));
    tab.ui.connectionDelivered(token(id, 1, " They "));
    assert.deepEqual(tab.choices.at(-1), { tokens: 1, isStopping: false });
    tab.ui.connectionDelivered(token(id, 2, "met. "));
    tabs.server.counted = { tokens: 40, context: 100, room: 75 };
    tab.ui.connectionDelivered(done(id));
    await settle();
    assert.deepEqual(summaries(tabs), ["", "They met.", "", ""]);
    assert.equal(tab.choices.at(-1), false);
    assert.deepEqual(tab.transcript.texts, [LONG, "First", "Two", "Second"], "the history stays");
    assert.deepEqual([...tab.transcript.messages.values()].map(({ shown }) => shown.boundary ?? null), [
      null,
      { text: "The model sees a summary of the messages above", summary: "They met." },
      null,
      null,
    ]);
    assert.deepEqual(tab.connection.detached, [], "the page listens to its end");
  });

  it("can be undone, and the summary removed later", async () => {
    const { tabs, tab } = await summarizing();
    await write(tab, "They met.");
    tab.toasts.at(-1)?.action?.act();
    await settle();
    assert.deepEqual(summaries(tabs), ["", "", "", ""]);
    await tabs.server.changeMessage("c", "m1", { summary: "They met." });
    tab.ui.messageOffered("unsummarize", "m1");
    await settle();
    assert.deepEqual(summaries(tabs), ["", "", "", ""]);
  });

  it("leaves out what the model thought", async () => {
    const { tabs, tab } = await summarizing();
    await write(tab, "<think>Hm.</think>They met.");
    assert.deepEqual(summaries(tabs), ["", "They met.", "", ""]);
  });

  it("is summarized in parts where it is longer than the context, each with the summary so far", async () => {
    const tabs = new FakeTabs();
    tabs.server.putChat("c", [LONG, LONG, LONG, LONG, "Last", "Answer"]);
    tabs.server.counted = FULL;
    const tab = tabs.open("c");
    tab.ui.connectionChanged(CONNECTED);
    await settle();
    tab.ui.contextChosen("summarize");
    let parts = 0;
    while (tab.connection.summaries.length > parts) {
      parts = tab.connection.summaries.length;
      await write(tab, `Part ${parts}.`);
    }
    assert.equal(parts, 4);
    assert.match(tab.connection.summaries[1]?.messages[0]?.content ?? "", /Part 1\.$/);
    assert.deepEqual(summaries(tabs), ["", "", "", "Part 4.", "", ""]);
  });

  it("halves a part that does not fit, and gives up where nothing fits", async () => {
    const { tabs, tab } = await summarizing();
    const lengths = [];
    for (let asked = 0; asked < tab.connection.summaries.length && asked < 20; asked += 1) {
      const { id, messages } = request(tab);
      lengths.push(messages.slice(1, -1).reduce((sum, { content }) => sum + content.length, 0));
      tab.ui.connectionDelivered(rejected(id, false, "context_overflow"));
      await settle();
    }
    assert.deepEqual(lengths, [105, 75, 37]);
    assert.deepEqual(summaries(tabs), ["", "", "", ""]);
    assert.match(tab.toasts.at(-1)?.text ?? "", /couldn't be summarized/);
    assert.equal(tab.choices.at(-1), true, "the choice is there again");
  });

  it("can be stopped, and changes nothing then", async () => {
    const { tabs, tab } = await summarizing();
    const { id } = request(tab);
    tab.ui.connectionDelivered(accepted(id));
    tab.ui.connectionDelivered(token(id, 1, "They"));
    tab.ui.contextChosen("stop");
    tab.ui.contextChosen("stop");
    assert.deepEqual([tab.connection.cancelled, tab.choices.at(-1)], [[id], { tokens: 1, isStopping: true }]);
    tab.ui.connectionDelivered(done(id, { reason: "cancelled" }));
    await settle();
    assert.deepEqual([summaries(tabs), tab.choices.at(-1), tab.toasts], [["", "", "", ""], true, []]);
  });

  it("changes nothing where the stop comes after the end", async () => {
    const { tabs, tab } = await summarizing();
    tab.ui.contextChosen("stop");
    await write(tab, "They met.");
    assert.deepEqual(summaries(tabs), ["", "", "", ""]);
  });

  for (const [why, end] of /** @type {const} */ ([["fails", { reason: "failed" }], ["is interrupted", { reason: "interrupted" }]])) {
    it(`changes nothing where the model ${why}`, async () => {
      const { tabs, tab } = await summarizing();
      await write(tab, "They", end);
      assert.deepEqual([summaries(tabs), tab.choices.at(-1)], [["", "", "", ""], true]);
      assert.match(tab.toasts.at(-1)?.text ?? "", /couldn't be summarized/);
    });
  }

  it("changes nothing where the model says nothing, or is lost", async () => {
    const { tabs, tab } = await summarizing();
    await write(tab, " \n");
    assert.equal(tab.toasts.length, 1);
    tab.ui.contextChosen("summarize");
    tab.ui.connectionDelivered({ type: "lost", id: request(tab).id });
    await settle();
    assert.deepEqual([summaries(tabs), tab.toasts.length], [["", "", "", ""], 2]);
  });

  it("says so where the message was deleted meanwhile", async () => {
    const { tabs, tab } = await summarizing();
    tabs.server.putChat("c", ["Other"]);
    tabs.server.changeMessage = async () => {
      throw new ApiError("No such message.", { status: 404, code: "unknown_id" });
    };
    await write(tab, "They met.");
    assert.match(tab.toasts.at(-1)?.text ?? "", /couldn't be summarized/);
  });

  it("goes on while another chat is shown, which shows none of it", async () => {
    const { tabs, tab } = await summarizing();
    tab.ui.startNewChat();
    assert.equal(tab.choices.at(-1), false);
    tab.ui.contextChosen("stop");
    assert.deepEqual(tab.connection.cancelled, [], "another chat's stop is not meant");
    await write(tab, "They met.");
    assert.deepEqual(summaries(tabs), ["", "They met.", "", ""]);
  });

  it("is shown by a second tab, and counts in the first for the branch that has it alone", async () => {
    const { tabs, tab } = await summarizing();
    const second = tabs.open("c");
    second.ui.connectionChanged(CONNECTED);
    await settle();
    await write(tab, "They met.");
    second.ui.connectionDelivered({ type: "conversation", ...tabs.server.put("c"), deleted: false });
    await settle();
    const boundaries = [...second.transcript.messages.values()].map(({ shown }) => shown.boundary?.summary ?? "");
    assert.deepEqual(boundaries, ["", "They met.", "", ""]);
    tab.ui.messageEdited("m0", "Another beginning");
    await settle();
    assert.ok([...tab.transcript.messages.values()].every(({ shown }) => !shown.boundary?.summary));
  });
});
