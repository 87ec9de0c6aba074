import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { changedSettings, withoutSetting } from "../../../frontend/panels/changed-settings.js";
import { KeptSettings, tidied } from "../../../frontend/panels/settings.js";
import { readToolChoice, toolChoices, writeToolChoice } from "../../../frontend/panels/tool-choice.js";
import { FakeBrowser } from "../fake-storage.js";

/** @typedef {import("../../../frontend/panels/settings.js").Settings} Settings */

const tool = (/** @type {string} */ name) => ({ type: /** @type {const} */ ("function"), function: { name } });
const [ADD, NONE] = [tool("add"), tool("none")];

describe("The choice of a call in the settings", () => {
  it("offers each function beside the words that name none, also one that has such a name", () => {
    assert.deepEqual(toolChoices([ADD, NONE]).map(({ label }) => label), ["Automatic", "Always call one", "Never", "Always add", "Always none"]);
    const values = toolChoices([ADD, NONE]).map(({ value }) => value);
    assert.deepEqual(values.map(readToolChoice), [undefined, "required", "none", ADD, NONE]);
    assert.deepEqual(values.map(readToolChoice).map(writeToolChoice), values);
  });

  it("is dropped with the function that it names, and with the last one", () => {
    const settings = { tools: [ADD, NONE], tool_choice: ADD };
    assert.deepEqual(tidied(settings), settings);
    assert.deepEqual(tidied({ ...settings, tools: [NONE] }), { tools: [NONE] });
    for (const choice of /** @type {any[]} */ (["auto", "always", 1, {}, { function: null }, { function: {} }])) {
      assert.deepEqual(tidied({ tools: [ADD], tool_choice: choice }), { tools: [ADD] });
    }
    for (const choice of /** @type {const} */ (["required", "none"])) {
      assert.deepEqual(tidied({ tools: [ADD], tool_choice: choice }), { tools: [ADD], tool_choice: choice });
      assert.deepEqual(tidied({ tools: [], tool_choice: choice }), {});
    }
  });

  it("has a label, and can be reset alone", () => {
    const labels = /** @type {Settings["tool_choice"][]} */ (["required", "none", ADD]).map((tool_choice) => changedSettings({ tools: [ADD], tool_choice }).at(-1));
    assert.deepEqual(labels.map((each) => each?.label), ["Always calls one", "No calls", "Always add"]);
    assert.deepEqual(withoutSetting({ tools: [ADD], tool_choice: ADD }, "tool_choice"), { tools: [ADD] });
    assert.deepEqual(withoutSetting({ tools: [ADD], tool_choice: ADD }, "tools"), {});
  });

  it("is kept for new chats", () => {
    const kept = new KeptSettings(new FakeBrowser().openTab());
    kept.set({ tools: [ADD], tool_choice: ADD });
    assert.deepEqual(kept.settings, { tools: [ADD], tool_choice: ADD });
  });
});
