import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { changedSettings, withoutSetting } from "../../../frontend/panels/changed-settings.js";

const SETTINGS = {
  system: "Be brief.",
  params: { json_schema: { type: "object" }, stop: ["END"], max_tokens: 1200, temperature: 0, seed: 1234 },
};

describe("changedSettings", () => {
  it("has a short label for each, in the order of the panel", () => {
    assert.deepEqual(changedSettings(SETTINGS), [
      { name: "system", label: "System prompt" },
      { name: "temperature", label: "Temperature 0" },
      { name: "max_tokens", label: "Max 1,200 tokens" },
      { name: "seed", label: "Seed 1234" },
      { name: "stop", label: "Stop sequences" },
      { name: "json_schema", label: "JSON output" },
    ]);
  });

  it("leaves out what is at its default", () => {
    assert.deepEqual(changedSettings({}), []);
    assert.deepEqual(changedSettings({ system: " ", params: { top_p: undefined, unheard_of: 3 }, truncation: "auto" }), []);
  });
});

describe("withoutSetting", () => {
  it("puts one at its default and keeps the others", () => {
    assert.deepEqual(withoutSetting(SETTINGS, "system"), { params: SETTINGS.params });
    assert.deepEqual(withoutSetting({ ...SETTINGS, params: { seed: 7 } }, "seed"), { system: "Be brief." });
    assert.deepEqual(withoutSetting({ truncation: "disabled" }, "seed"), { truncation: "disabled" });
  });
});
