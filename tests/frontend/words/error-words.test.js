import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";

import { ERROR_WORDS, failedWords, refusedWords, requestWords } from "../../../frontend/words/error-words.js";

const protocol = readFileSync(new URL("../../../protocol/PROTOCOL.md", import.meta.url), "utf8");
const section = protocol.slice(protocol.indexOf("## 8 Error codes"), protocol.indexOf("## 9 Close codes"));
const codes = [...section.matchAll(/^\| `([a-z_]+)` \|/gm)].map(([, code]) => code ?? "");

describe("The words for an error code", () => {
  it("cover every code of the protocol", () => {
    assert.ok(codes.length >= 20);
    assert.deepEqual(codes.filter((code) => !Object.hasOwn(ERROR_WORDS, code)), []);
  });

  for (const code of [...codes, "frame_too_large", "conversation_deleted", "connection_lost", "something_new", "constructor", ""]) {
    it(`are a sentence without internals: ${code || "none"}`, () => {
      for (const words of [refusedWords(code), failedWords(code), requestWords(code)]) {
        assert.match(words, /^[A-Z][^`_{}<>]{5,90}\.$/);
        assert.doesNotMatch(words, /--|params|\bfield\b|\bid\b|\bJSON\b|generation/);
      }
    });
  }

  it("are there where an answer failed without a code", () => {
    assert.equal(failedWords(undefined), "This answer failed. Try again.");
    assert.equal(refusedWords(undefined), "The server didn't accept this message.");
  });
});
