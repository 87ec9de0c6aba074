import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { KEY, KeptSettings, readSettings, tidied } from "../../../frontend/panels/settings.js";
import { FakeBrowser } from "../fake-storage.js";

describe("readSettings", () => {
  it("takes what is valid and leaves out the rest", () => {
    const params = { temperature: 0.5, top_p: 3, seed: "7", stop: ["END"], unheard_of: 1, max_tokens: null, json_schema: [1] };
    assert.deepEqual(readSettings({ system: "Be brief.", params }), { system: "Be brief.", params: { temperature: 0.5, stop: ["END"] } });
  });

  it("takes rubbish for no settings at all", () => {
    for (const rubbish of [null, 3, "x", [], { system: 3 }, { params: "x" }, { params: { stop: [""] } }, { params: { stop: "x" } }]) {
      assert.deepEqual(readSettings(rubbish), {}, JSON.stringify(rubbish));
    }
  });
});

describe("tidied", () => {
  it("leaves out what says nothing", () => {
    assert.deepEqual(tidied({ system: " ", params: { top_k: undefined } }), {});
    assert.deepEqual(tidied({ truncation: "disabled" }), { truncation: "disabled" });
  });
});

describe("KeptSettings", () => {
  it("outlives a reload", () => {
    const { browser } = new FakeBrowser().openTab();
    new KeptSettings(browser.openTab()).set({ system: "Be brief.", params: { temperature: 0 } });
    assert.deepEqual(new KeptSettings(browser.openTab()).settings, { system: "Be brief.", params: { temperature: 0 } });
  });

  it("keeps the model", () => {
    const { browser } = new FakeBrowser().openTab();
    new KeptSettings(browser.openTab()).set({ model: "One" });
    assert.deepEqual(new KeptSettings(browser.openTab()).settings, { model: "One" });
    browser.openTab().write(KEY, { model: 3 });
    assert.deepEqual(new KeptSettings(browser.openTab()).settings, {});
  });

  it("does without what another version has kept", () => {
    const tab = new FakeBrowser().openTab();
    tab.write(KEY, { params: { temperature: "hot" } });
    assert.deepEqual(new KeptSettings(tab).settings, {});
  });
});
