import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { ApiError } from "../../../frontend/conversations/api-error.js";
import { canRetry } from "../../../frontend/conversations/importing.js";
import { outcome, refusal } from "../../../frontend/words/import-words.js";

/** @type {import("../../../frontend/conversations/api.js").Summary} */
const SUMMARY = { id: "a", title: "A", created_at: 1, updated_at: 1, pinned: false, version: 1, writing: [] };

/** @param {string} message @param {string | null} [title] */
const skip = (message, title = null) => ({ index: 0, title, message });

describe("an import's outcome", () => {
  const cases = [
    { imported: 1, skipped: [], text: "Imported 1 chat from x.json.", tone: "quiet" },
    {
      imported: 3,
      skipped: [skip("it can't be read: Expected `str` - at `$.messages[0].content`", "Frogs")],
      text: "Imported 3 chats from x.json. Skipped 1: “Frogs”: it's damaged.",
      tone: "quiet",
    },
    { imported: 0, skipped: [], text: "Nothing imported: x.json has no chats in it.", tone: "bad" },
    { imported: 0, skipped: [skip("message 'a' has the parent 'b', which is missing")], text: "Nothing imported from x.json: it's damaged.", tone: "bad" },
    { imported: 0, skipped: [skip("line 3 is not JSON; was the file cut off?")], text: "Nothing imported from x.json: it's incomplete.", tone: "bad" },
    { imported: 0, skipped: [skip("its format is not known; known are …")], text: "Nothing imported from x.json: unknown format.", tone: "bad" },
    { imported: 0, skipped: [skip("it is here already; delete …")], text: "Nothing imported from x.json: this chat is already here.", tone: "bad" },
    {
      imported: 0,
      skipped: [skip("it is here already; delete …"), skip("it is here already; delete …")],
      text: "Nothing imported from x.json: these chats are already here.",
      tone: "bad",
    },
    { imported: 0, skipped: [skip("it is encrypted", "b.json"), skip("x")], text: "Nothing imported from x.json: “b.json”: it's encrypted.", tone: "bad" },
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
    ["the file is not JSON with conversations: invalid character (byte 0)", { code: "bad_json", status: 400 }, "not a chat export.", false],
    ["not a chat export: this is a PDF", { code: "bad_json", status: 400 }, "this is a PDF, not a chat export.", false],
    [
      "not a chat export: this is a gzip file; unpack it first",
      { code: "bad_json", status: 400 },
      "this is a gzip file, not a chat export; unpack it first.",
      false,
    ],
    ["JSON nested too deep", { code: "bad_json", status: 400 }, "it's damaged.", false],
    ["this zip file is broken or incomplete", { code: "unsupported", status: 400 }, "this zip file is broken or incomplete.", false],
    ["The server answered with the status 413.", { status: 413 }, "it's larger than 64 MiB.", false],
    ["it has version 9 of the format; this StreamUI reads version 1", { code: "unsupported", status: 400 }, "it was made by a newer StreamUI.", false],
    ["this is not valid UTF-16 text, although it begins like it", { code: "bad_json", status: 400 }, "it's not a text file.", false],
    ["another file is being imported; try again when that is done", { code: "busy", status: 503, isTemporary: true }, "another file is being imported.", true],
    ["The server can't be reached.", { isTemporary: true }, "the server can't be reached.", true],
    [
      "conversations.sqlite: disk I/O error",
      { code: "storage_failed", status: 503, isTemporary: true },
      "the server can't read or save chats right now. Its disk may be full.",
      true,
    ],
    ["The server answered with the status 502.", { status: 502, isTemporary: true }, "the server can't do this right now.", true],
  ];
  for (const [message, facts, said, retry] of cases) {
    it(`says: ${said}`, () => {
      const error = new ApiError(message, facts);
      assert.equal(refusal("bad.json", error), `Couldn't import bad.json: ${said}`);
      assert.equal(canRetry(error), retry);
    });
  }
});
