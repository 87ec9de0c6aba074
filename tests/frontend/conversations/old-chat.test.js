import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { KEY, OldChat } from "../../../frontend/conversations/old-chat.js";
import { FakeBrowser } from "../fake-storage.js";

const END = { line: { tone: "good", text: "Done" }, offers: [] };

describe("OldChat", () => {
  /** @type {FakeBrowser} */
  let browser;
  /** @type {any[]} */
  let imported;
  let isRefusing = false;

  beforeEach(() => {
    browser = new FakeBrowser();
    imported = [];
    isRefusing = false;
  });

  /** @param {string | null} text what the server still has of an answer */
  async function bring(text = null) {
    const api = {
      import: async (/** @type {string} */ body) => {
        if (isRefusing) throw new Error("No.");
        imported.push(JSON.parse(body));
        return { imported: [], skipped: [] };
      },
    };
    return await new OldChat({ storage: browser.openTab(), api, textOf: async () => text, now: () => 7 }).bring();
  }

  /** @param {object[]} exchanges */
  function keep(...exchanges) {
    browser.values.set(KEY, JSON.stringify({ chat: "c", exchanges, removed: [] }));
  }

  it("brings the chat once, as one branch", async () => {
    keep({ id: "a", prompt: "Hi", text: "Hello", end: END }, { id: "b", prompt: "And?", text: "", end: END });
    assert.notEqual(await bring(), null);
    assert.equal(await bring(), null);
    const [{ conversations: [{ messages, leaf }] }] = imported;
    assert.deepEqual(messages.map((/** @type {any} */ { role, content }) => [role, content]), [["user", "Hi"], ["assistant", "Hello"], ["user", "And?"]]);
    assert.deepEqual(messages.map((/** @type {any} */ { parent }) => parent), [null, messages[0].id, "a"]);
    assert.equal(leaf, messages[2].id);
  });

  it("brings the rest of an answer that was still being written", async () => {
    keep({ id: "a", prompt: "Hi", text: "Hel", end: null });
    await bring("Hello");
    assert.equal(imported[0].conversations[0].messages[1].content, "Hello");
  });

  it("takes nothing away, and tries again where the server did not take it", async () => {
    keep({ id: "a", prompt: "Hi", text: "Hello", end: END });
    const before = browser.values.get(KEY);
    isRefusing = true;
    assert.equal(await bring(), null);
    isRefusing = false;
    assert.notEqual(await bring(), null);
    assert.equal(browser.values.get(KEY), before);
  });

  for (const stored of ["null", "[]", '{"chat":"c","exchanges":[]}', '{"chat":"c","exchanges":[{"id":7}]}']) {
    it(`has nothing to bring of ${stored}`, async () => {
      browser.values.set(KEY, stored);
      assert.equal(await bring(), null);
      assert.deepEqual(imported, []);
    });
  }
});
