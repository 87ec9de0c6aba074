import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { readTools, writeTools } from "../../../frontend/panels/tools-setting.js";
import { changedSettings, withoutSetting } from "../../../frontend/panels/changed-settings.js";
import { KeptSettings } from "../../../frontend/panels/settings.js";
import { FakeBrowser } from "../fake-storage.js";

const ADD = { type: /** @type {const} */ ("function"), function: { name: "add", parameters: { type: "object" } } };
const FAULTS = [
  ["{", "Not valid JSON"],
  ["[1]", "Function 1 must be a JSON object: {…}"],
  ['[{"name": "add"}, {"description": "x"}]', "Function 2 needs a name of letters, digits, “_”, “-” and “.”"],
  ['[{"name": "a b"}]', "Function 1 needs a name of letters, digits, “_”, “-” and “.”"],
  ['[{"name": "add"}, {"name": "add"}]', "Two functions have the name “add”"],
  ['[{"name": "add", "description": 1}]', "The description of “add” must be a text"],
  ['[{"name": "add", "parameters": []}]', "The parameters of “add” must be a JSON object: {…}"],
  [JSON.stringify(Array.from({ length: 129 }, (_, index) => ({ name: `f${index}` }))), "Too many functions: 129 of 128"],
];

describe("Tools in the settings", () => {
  it("may be a function, a list, or in the form of OpenAI's API", () => {
    const [named, wrapped] = ['{"name": "add", "parameters": {"type": "object"}}', JSON.stringify(ADD)];
    for (const text of [named, wrapped, `[${named}]`, `[${wrapped}]`]) assert.deepEqual(readTools(text), { value: [ADD] });
    assert.deepEqual(readTools("[]"), { value: undefined });
    assert.deepEqual(readTools(writeTools([ADD])), { value: [ADD] });
  });

  for (const [text = "", problem] of FAULTS) {
    it(`say what is wrong: ${problem}`, () => assert.deepEqual(readTools(text), { problem }));
  }

  it("have a label, and can be removed", () => {
    const settings = { tools: [ADD], system: "Be brief." };
    assert.deepEqual(changedSettings(settings).at(-1), { name: "tools", label: "1 tool" });
    assert.equal(changedSettings({ tools: [ADD, ADD] })[0]?.label, "2 tools");
    assert.deepEqual(withoutSetting(settings, "tools"), { system: "Be brief." });
  });

  it("are kept for new chats", () => {
    const kept = new KeptSettings(new FakeBrowser().openTab());
    kept.set({ tools: [ADD] });
    assert.deepEqual(kept.settings, { tools: [ADD] });
  });
});
