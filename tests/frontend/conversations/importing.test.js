import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { typeOf } from "../../../frontend/conversations/importing.js";

describe("an import's content type", () => {
  it("is by the end of the file's name", () => {
    const names = ["a.json", "A.JSONL", "b.md", "c.zip", "d.pdf", "e", "f.tar.zip"];
    const types = ["json", "jsonl", "markdown", "zip", "octet-stream", "octet-stream", "zip"];
    assert.deepEqual(names.map((name) => typeOf(name).split("/")[1]), types);
  });
});
