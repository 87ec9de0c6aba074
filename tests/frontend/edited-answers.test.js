import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { ApiError } from "../../frontend/conversations/api-error.js";
import { CONNECTED, FakeTabs, settle } from "./fake-parts.js";

/** @typedef {ReturnType<FakeTabs["open"]>} Tab */

const CHAT = ["What do frogs eat?", "Flies.", "And toads?", "Worms."];

describe("An answer that the user has changed", () => {
  /** @type {FakeTabs} */
  let tabs;
  /** @type {Tab} */
  let tab;

  beforeEach(async () => {
    tabs = new FakeTabs();
    tabs.server.putChat("c", CHAT);
    tab = tabs.open("c");
    tab.ui.connectionChanged(CONNECTED);
    await settle();
  });

  const shown = (/** @type {string} */ id) => tab.transcript.messages.get(id)?.shown;
  const save = async (/** @type {string} */ id, /** @type {string} */ text, /** @type {string} */ was, isContinued = false) => {
    const isSaved = await tab.ui.answerEdited(id, { text, was, isContinued });
    await settle();
    return isSaved;
  };

  it("is saved with the text that was changed, and says that it was edited", async () => {
    assert.ok(shown("m1")?.actions.includes("edit"));
    assert.equal(await save("m1", "Flies and moths.", "Flies."), true);
    assert.deepEqual([shown("m1")?.text, shown("m1")?.line?.text], ["Flies and moths.", "Edited"]);
    assert.deepEqual(tab.connection.generated, []);
    assert.equal(tab.said.at(-1), "Answer saved");
  });

  it("is not saved over a change of another device, and the new text is shown", async () => {
    await tabs.server.changeMessage("c", "m3", { content: "Slugs." });
    assert.equal(await save("m3", "Snails.", "Worms."), false);
    assert.equal(tab.toasts.at(-1)?.text, "Couldn't save the answer. It was changed on another device.");
    assert.equal(shown("m3")?.text, "Slugs.");
  });

  it("is not saved without the server, and nothing is continued", async () => {
    tabs.server.trouble = new ApiError("The server can't be reached.", { isTemporary: true });
    assert.equal(await save("m3", "Snails.", "Worms.", true), false);
    assert.equal(tab.toasts.at(-1)?.text, "Couldn't save the answer. The server can't be reached.");
    assert.deepEqual(tab.connection.generated, []);
  });

  it("is continued from its new end", async () => {
    assert.equal(await save("m3", "Snails", "Worms.", true), true);
    const [request] = tab.connection.generated;
    assert.deepEqual([request?.parent, request?.content, request?.conversation], ["m3", undefined, "c"]);
    assert.deepEqual([shown("m3")?.text, shown("m3")?.isGrowing], ["Snails", true]);
  });

  it("is continued without being saved if its text is the same", async () => {
    await save("m3", "Worms.", "Worms.", true);
    assert.deepEqual(tabs.server.asked.filter((what) => what.startsWith("change")), []);
    assert.equal(tab.connection.generated[0]?.parent, "m3");
  });

  it("can't be changed while an answer is being written", async () => {
    await tabs.begin(tab, "And newts?");
    assert.deepEqual([...tab.transcript.messages.values()].filter(({ shown: { actions } }) => actions.includes("edit")), []);
  });
});

describe("A branch into a new chat", () => {
  it("copies a message and all above it, and opens the copy", async () => {
    const tabs = new FakeTabs();
    tabs.server.putChat("c", CHAT);
    const tab = tabs.open("c");
    tab.ui.connectionChanged(CONNECTED);
    await settle();
    for (const { shown } of tab.transcript.messages.values()) assert.ok(shown.actions.includes("branch"));
    tab.ui.messageActed("branch", "m1");
    await settle();
    assert.deepEqual(tab.transcript.texts, CHAT.slice(0, 2));
    const id = tab.address.conversation;
    assert.ok(id !== null && id !== "c");
    assert.equal(tab.library.find(id)?.title, "c (branch)");
    assert.equal(tab.ui.send("And newts?"), true);
    await settle();
    assert.equal(tab.connection.generated[0]?.conversation, id);
  });

  it("that fails says why, and is tried again with the same id", async () => {
    const tabs = new FakeTabs();
    tabs.server.putChat("c", CHAT);
    const tab = tabs.open("c");
    tab.ui.connectionChanged(CONNECTED);
    await settle();
    tabs.server.trouble = new ApiError("The server can't be reached.", { isTemporary: true });
    tab.ui.messageActed("branch", "m1");
    await settle();
    const toast = tab.toasts.at(-1);
    assert.equal(toast?.text, "Couldn't branch. The server can't be reached.");
    assert.equal(tab.address.conversation, "c");
    tabs.server.trouble = null;
    toast?.action?.act();
    await settle();
    const [first, second] = tabs.server.asked.filter((what) => what.startsWith("branch"));
    assert.equal(first, second);
    assert.deepEqual(tab.transcript.texts, CHAT.slice(0, 2));
  });
});
