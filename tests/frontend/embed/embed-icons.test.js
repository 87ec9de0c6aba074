import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, it } from "node:test";

import { EMBED_ICONS } from "../../../frontend/embed/embed-icons.js";

const PAGE = await readFile(new URL("../../../server/transports/templates/index.html", import.meta.url), "utf8");

describe("EMBED_ICONS", () => {
  for (const [name, paths] of Object.entries(EMBED_ICONS)) {
    it(`draw ${name} as the page does`, () => {
      const symbol = new RegExp(`<symbol id="icon-${name}"[^>]*>(.*?)</symbol>`).exec(PAGE)?.[1] ?? "";
      assert.deepEqual([...symbol.matchAll(/ d="([^"]+)"/g)].map(([, d]) => d), paths);
    });
  }
});
