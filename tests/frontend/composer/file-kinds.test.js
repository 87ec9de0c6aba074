import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { ACCEPTED, isPdf } from "../../../frontend/composer/file-kinds.js";
import { bytes } from "./files.js";

describe("ACCEPTED", () => {
  it("offers text, source code and PDF", () => {
    const accepted = ACCEPTED.split(",");
    for (const ending of [".txt", ".md", ".csv", ".json", ".py", ".rs", ".tsx", ".yaml", ".log", ".pdf"]) assert.ok(accepted.includes(ending), ending);
    for (const ending of [".png", ".zip", ".docx", ".mp3"]) assert.ok(!accepted.includes(ending), ending);
    assert.equal(new Set(accepted).size, accepted.length);
  });
});

describe("isPdf", () => {
  it("goes by the mark at the beginning, or near it in a file of that name", () => {
    assert.equal(isPdf(bytes("%PDF-1.7\n"), "x"), true);
    assert.equal(isPdf(bytes("\xef\xbb\xbf%PDF-1.7\n"), "x.PDF"), true);
    assert.equal(isPdf(bytes("They begin with %PDF-1.7"), "x.txt"), false);
    assert.equal(isPdf(bytes("just text"), "x.pdf"), false);
    assert.equal(isPdf(bytes(""), "x.pdf"), false);
  });
});
