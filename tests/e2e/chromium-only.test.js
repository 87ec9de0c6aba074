import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { describe, it } from "node:test";

import { CHROMIUM_ONLY } from "./chromium-only.js";

describe("The tests that run in Chromium alone", () => {
  it("are those that are listed, each with its reason", async () => {
    const files = await readdir(new URL(".", import.meta.url), { recursive: true });
    assert.deepEqual(files.filter((name) => name.endsWith(".chromium.test.js")).sort(), Object.keys(CHROMIUM_ONLY).sort());
    for (const reason of Object.values(CHROMIUM_ONLY)) assert.notEqual(reason, "");
  });
});
