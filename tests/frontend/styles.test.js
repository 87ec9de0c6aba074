import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { describe, it } from "node:test";

const FOLDERS = [new URL("../../frontend/", import.meta.url), new URL("../../frontend/styles/", import.meta.url)];

/** Compound selector of an element that contains the transcript, with `:has()`. */
const WHOLE_PAGE = /(?:^|[\s,>(&])(?:html|body|:root|\.main|\.viewport|#main|#viewport|#transcript)[^\s,>{]*:has\(/gm;

const SHEETS = FOLDERS.flatMap((folder) => readdirSync(folder).filter((name) => name.endsWith(".css")).map((name) => new URL(name, folder)));

describe("The style sheets", () => {
  it("search no element that contains the transcript, since the browser would search it after each change", () => {
    assert.ok(SHEETS.length > 10);
    const found = SHEETS.flatMap((sheet) => [...readFileSync(sheet, "utf8").matchAll(WHOLE_PAGE)].map(([selector]) => selector.trim()));
    assert.deepEqual(found, []);
  });

  it("would be found out", () => {
    assert.equal("  body:has(.side-panel[open]) {".match(WHOLE_PAGE)?.length, 1);
    assert.equal(".main.is-wide:has(> .header) .title {".match(WHOLE_PAGE)?.length, 1);
    assert.equal(".row:has(.row-menu) .row-link {".match(WHOLE_PAGE), null);
  });
});
