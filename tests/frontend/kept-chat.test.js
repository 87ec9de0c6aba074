import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { newExchange } from "../../frontend/exchange.js";
import { KEY, KeptChat, merge } from "../../frontend/kept-chat.js";
import { FakeBrowser } from "./fake-storage.js";

/** @typedef {import("../../frontend/kept-chat.js").End} End */
/** @typedef {import("../../frontend/kept-chat.js").KeptExchange} KeptExchange */

/** @type {End} */
const END = { line: { tone: "good", text: "Done" }, offers: [] };

/**
 * @param {string} id
 * @param {Partial<KeptExchange>} [more]
 */
function exchange(id, more = {}) {
  return { ...newExchange(id, "Hi", []), epoch: "e", ...more };
}

describe("KeptChat", () => {
  /** @type {FakeBrowser} */
  let browser;
  let chats = 0;

  beforeEach(() => {
    browser = new FakeBrowser();
  });

  function openTab() {
    const tab = browser.openTab();
    const kept = new KeptChat(tab, tab, () => `chat${(chats += 1)}`);
    /** @type {[string[], boolean][]} */
    const heard = [];
    kept.start({
      keptChatChanged: ({ exchanges }, isAnother) => heard.push([exchanges.map(({ id }) => id), isAnother]),
    });
    return { tab, kept, heard };
  }

  it("gives the next page what this one kept", () => {
    const { kept } = openTab();
    assert.deepEqual(kept.load(), []);
    kept.save([exchange("a", { text: "Hello", seq: 2 })]);
    assert.deepEqual(openTab().kept.load(), [exchange("a", { text: "Hello", seq: 2 })]);
  });

  it("tells the other tabs, and itself nothing", () => {
    const [here, there] = [openTab(), openTab()];
    here.kept.save([exchange("a")]);
    here.kept.save([exchange("a"), exchange("b")]);
    assert.deepEqual(there.heard, [[["a"], true], [["a", "b"], false]]);
    assert.deepEqual(here.heard, []);
  });

  it("writes nothing where nothing is new", () => {
    const { tab, kept } = openTab();
    kept.save([exchange("a")]);
    kept.save([exchange("a")]);
    assert.equal(tab.writes, 1);
  });

  it("does not undo what another tab has read further", () => {
    const ahead = openTab();
    ahead.kept.save([exchange("a", { seq: 9, text: "all of it", end: END })]);
    const behind = openTab();
    behind.kept.load();
    behind.kept.save([exchange("a", { seq: 3, text: "all" })]);
    assert.deepEqual(openTab().kept.load(), [exchange("a", { seq: 9, text: "all of it", end: END })]);
  });

  it("takes out what was removed, also where another tab still has it", () => {
    const [here, there] = [openTab(), openTab()];
    here.kept.save([exchange("a"), exchange("b")]);
    here.kept.remove("b");
    here.kept.save([exchange("a")]);
    there.kept.save([exchange("a"), exchange("b")]);
    assert.deepEqual(openTab().kept.load().map(({ id }) => id), ["a"]);
  });

  it("begins a new chat, to which nobody adds the old one", () => {
    const [here, there] = [openTab(), openTab()];
    here.kept.save([exchange("a")]);
    const late = openTab();
    late.kept.load();
    late.kept.stop();
    here.kept.clear();
    assert.deepEqual(there.heard.at(-1), [[], true]);
    late.kept.save([exchange("a")]);
    assert.deepEqual(openTab().kept.load(), []);
    there.kept.save([exchange("b")]);
    assert.deepEqual(openTab().kept.load().map(({ id }) => id), ["b"]);
  });

  for (const stored of ["{broken", "null", "[]", '{"chat":"c","exchanges":[{"id":7}],"removed":[]}', '{"chat":"c"}']) {
    it(`starts empty over ${stored} and keeps again`, () => {
      browser.values.set(KEY, stored);
      const tab = browser.openTab();
      const read = () => (stored === "{broken" ? null : tab.read(KEY));
      const kept = new KeptChat({ read, write: (key, value) => tab.write(key, value) }, tab, () => "new");
      assert.deepEqual(kept.load(), []);
      kept.save([exchange("a")]);
      assert.deepEqual(openTab().kept.load().map(({ id }) => id), ["a"]);
    });
  }

  it("ignores other keys, and what it cannot read", () => {
    const { tab, heard } = openTab();
    tab.dispatchEvent(Object.assign(new Event("storage"), { key: "other", newValue: "{}" }));
    tab.dispatchEvent(Object.assign(new Event("storage"), { key: KEY, newValue: "{" }));
    tab.dispatchEvent(Object.assign(new Event("storage"), { key: null, newValue: null }));
    assert.deepEqual(heard, []);
  });
});

describe("merge", () => {
  /**
   * @param {KeptExchange} stored
   * @param {KeptExchange} mine
   */
  function merged(stored, mine) {
    const chat = { chat: "c", removed: [] };
    return merge({ ...chat, exchanges: [stored] }, { ...chat, exchanges: [mine] }).exchanges[0];
  }

  it("prefers what the server has taken, the end, and the longer text, in this order of certainty", () => {
    const asked = exchange("a", { epoch: "", messages: [{ role: "user", content: "Hi" }] });
    const taken = exchange("a", { seq: 1, text: "x" });
    const longer = exchange("a", { seq: 5, text: "xxxxx" });
    const ended = exchange("a", { seq: 3, text: "xxx", end: END });
    for (const [less, more] of /** @type {const} */ ([[asked, taken], [taken, longer], [longer, ended], [asked, ended]])) {
      assert.deepEqual(merged(less, more), more);
      assert.deepEqual(merged(more, less), more);
    }
  });

  it("takes the log that this tab reads, where the server has begun another", () => {
    const mine = exchange("a", { epoch: "f", seq: 1, text: "n" });
    assert.deepEqual(merged(exchange("a", { epoch: "e", seq: 9 }), mine), mine);
  });

  it("keeps that somebody has stopped it or left it out", () => {
    const both = merged(exchange("a", { isStopping: true }), exchange("a", { seq: 4, isForgotten: true }));
    assert.deepEqual([both?.seq, both?.isStopping, both?.isForgotten], [4, true, true]);
  });
});
