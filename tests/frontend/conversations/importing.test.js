import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { ApiError } from "../../../frontend/conversations/api.js";
import { canRetry, outcome, refusal, typeOf } from "../../../frontend/conversations/importing.js";

/** @type {import("../../../frontend/conversations/api.js").Summary} */
const SUMMARY = { id: "a", title: "A", created_at: 1, updated_at: 1, pinned: false, version: 1, writing: [] };

/** @param {string} message @param {string | null} [title] */
const skip = (message, title = null) => ({ index: 0, title, message });

describe("an import's outcome", () => {
  const cases = [
    { imported: 1, skipped: [], text: "Imported 1 conversation from x.json.", tone: "quiet" },
    { imported: 3, skipped: [skip("it can't be read", "Frogs")], text: "Imported 3 conversations from x.json. Skipped 1: “Frogs”: it can't be read.", tone: "quiet" },
    { imported: 0, skipped: [], text: "x.json has no conversations in it.", tone: "bad" },
    { imported: 0, skipped: [skip("it is of no known format: that of …")], text: "Nothing imported from x.json: unknown format.", tone: "bad" },
    { imported: 0, skipped: [skip("it is here already; delete …")], text: "Nothing imported from x.json: this chat is here already.", tone: "bad" },
    {
      imported: 0,
      skipped: [skip("it is here already; delete …"), skip("it is here already; delete …")],
      text: "Nothing imported from x.json: these chats are here already.",
      tone: "bad",
    },
    { imported: 0, skipped: [skip("it is encrypted", "b.json"), skip("x")], text: "Nothing imported from x.json: “b.json”: it is encrypted.", tone: "bad" },
  ];
  for (const { imported, skipped, text, tone } of cases) {
    it(`says: ${text}`, () => {
      assert.deepEqual(outcome("x.json", { imported: Array(imported).fill(SUMMARY), skipped }), { text, tone });
    });
  }
});

describe("an import that the server refused", () => {
  /** @type {[string, {code?: string, status?: number, isTemporary?: boolean}, string, boolean][]} */
  const cases = [
    ["the file is no JSON of conversations: invalid character (byte 0)", { code: "bad_json", status: 400 }, "not a chat export.", false],
    ["not a chat export: this is a PDF", { code: "bad_json", status: 400 }, "this is a PDF, not a chat export.", false],
    [
      "not a chat export: this is a gzip file; unpack it first",
      { code: "bad_json", status: 400 },
      "this is a gzip file, not a chat export; unpack it first.",
      false,
    ],
    ["JSON nested too deep", { code: "bad_json", status: 400 }, "it is nested too deep.", false],
    ["this zip file is broken or incomplete", { code: "unsupported", status: 400 }, "this zip file is broken or incomplete.", false],
    ["The server answered with the status 413.", { status: 413 }, "it is larger than 64 MiB.", false],
    ["another file is being imported; try again when that is done", { code: "busy", status: 503, isTemporary: true }, "another file is being imported; try again when that is done.", true],
    ["The server can't be reached.", { isTemporary: true }, "The server can't be reached.", true],
  ];
  for (const [message, facts, said, retry] of cases) {
    it(`says: ${said}`, () => {
      const error = new ApiError(message, facts);
      assert.equal(refusal("bad.json", error), `Couldn't import bad.json: ${said}`);
      assert.equal(canRetry(error), retry);
    });
  }
});

describe("an import's content type", () => {
  it("is by the end of the file's name", () => {
    const names = ["a.json", "A.JSONL", "b.md", "c.zip", "d.pdf", "e", "f.tar.zip"];
    const types = ["json", "jsonl", "markdown", "zip", "octet-stream", "octet-stream", "zip"];
    assert.deepEqual(names.map((name) => typeOf(name).split("/")[1]), types);
  });
});
