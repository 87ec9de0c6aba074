import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { ApiError } from "../../../frontend/conversations/api-error.js";
import { DocumentReader } from "../../../frontend/conversations/document-reader.js";
import { emptyDocument } from "../../../frontend/conversations/empty-document.js";

/** A reader, with the reads that it has begun and what came of them. */
function begin() {
  /** @type {{resolve: (document: import("../../../frontend/conversations/api.js").ConversationDocument) => void, reject: (error: unknown) => void}[]} */
  const reads = [];
  /** @type {(number | string)[]} */
  const results = [];
  const reader = new DocumentReader({
    read: () => new Promise((resolve, reject) => void reads.push({ resolve, reject })),
    received: ({ version }) => results.push(version),
    failed: (error) => results.push(error.message),
  });
  /** @param {number} version */
  const answer = (version) => reads.at(-1)?.resolve({ ...emptyDocument("c"), version });
  return { reader, reads, results, answer };
}

describe("The reader of a conversation's document", () => {
  it("reports the document, or why there is none", async () => {
    const { reader, reads, results, answer } = begin();
    const first = reader.read();
    answer(1);
    await first;
    const second = reader.read();
    reads.at(-1)?.reject(new ApiError("Not there."));
    await second;
    const third = reader.read();
    reads.at(-1)?.reject("broken");
    await third;
    assert.deepEqual([results, reads.length], [[1, "Not there.", "broken"], 3]);
  });

  for (const [name, ask] of /** @type {const} */ ([["another read", "read"], ["a change of which the page knows", "repeat"]])) {
    it(`reads again after ${name} meanwhile, and drops the first document`, async () => {
      const { reader, results, answer } = begin();
      const done = reader.read();
      void reader[ask]();
      answer(1);
      await new Promise(setImmediate);
      answer(2);
      await done;
      assert.deepEqual(results, [2]);
    });
  }

  it("reads nothing for a change that comes between two reads", async () => {
    const { reader, reads, results, answer } = begin();
    reader.repeat();
    assert.equal(reads.length, 0);
    const done = reader.read();
    answer(1);
    await done;
    assert.deepEqual([results, reads.length], [[1], 1]);
  });

  it("drops the result of a read that ends after its stop", async () => {
    const { reader, reads, results, answer } = begin();
    const done = reader.read();
    reader.stop();
    answer(1);
    await done;
    await reader.read();
    assert.deepEqual([results, reads.length], [[], 1]);
  });
});
