import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { withParcels } from "../../../frontend/conversations/overlay.js";

/** @typedef {import("../../../frontend/conversations/api.js").Message} Message */
/** @typedef {import("../../../frontend/conversations/outbox.js").Parcel} Parcel */

/** @type {Message} */
const QUESTION = { id: "q", parent: null, role: "user", content: "Hi", created_at: 1, state: "done", generation: null };
/** @type {Message} */
const STOPPED = { ...QUESTION, id: "a", parent: "q", role: "assistant", content: "Hel", state: "stopped", generation: "a", reason: "cancelled" };

/**
 * The answer as it looks while its continuation is on the way.
 * @param {Partial<Message>} fields
 */
function continued(fields) {
  const request = { type: "generate", id: "g2", conversation: "c", parent: "a" };
  const parcel = /** @type {Parcel} */ (/** @type {unknown} */ ({ request, create: null, at: 2, failure: null }));
  return withParcels({ messages: [QUESTION, { ...STOPPED, ...fields }], leaf: "a" }, [parcel]).messages[1];
}

describe("Results that are on the way", () => {
  it("are below the answer with the calls, with the ids that the server gives them", () => {
    const results = ["one", "two"].map((content) => ({ tool_call_id: `call_${content}`, content }));
    const request = { type: "generate", id: "g2", conversation: "c", parent: "a", results };
    const parcel = /** @type {Parcel} */ (/** @type {unknown} */ ({ request, create: null, at: 2, failure: null }));
    const { messages, leaf } = withParcels({ messages: [QUESTION, { ...STOPPED, state: "done" }], leaf: "a" }, [parcel]);
    assert.equal(leaf, "g2");
    assert.deepEqual(messages.slice(2), [
      { ...QUESTION, id: "g2-result-1", parent: "a", role: "tool", content: "one", tool_call_id: "call_one", created_at: 2 },
      { ...QUESTION, id: "g2-result-2", parent: "g2-result-1", role: "tool", content: "two", tool_call_id: "call_two", created_at: 2 },
      { ...QUESTION, id: "g2", parent: "g2-result-2", role: "assistant", content: "", created_at: 2, state: "writing", generation: "g2" },
    ]);
  });
});

describe("An answer that is being continued", () => {
  it("is being written, and no longer says how it ended before", () => {
    const end = { usage: {}, timings: {}, limit: null, error: { code: "internal", message: "" } };
    assert.deepEqual(continued(end), { ...QUESTION, id: "a", parent: "q", role: "assistant", content: "Hel", state: "writing", generation: "g2" });
  });

  it("keeps the figures of what was there before, as the server does", () => {
    const first = { usage: { completion_tokens: 3 }, timings: { decode: 100 } };
    assert.deepEqual(continued(first)?.earlier, { generations: 1, completion_tokens: 3, decode: 100 });
    const earlier = { generations: 2, completion_tokens: 10, decode: 400 };
    assert.deepEqual(continued({ ...first, earlier })?.earlier, { generations: 3, completion_tokens: 13, decode: 500 });
    assert.deepEqual(continued({ earlier })?.earlier, earlier);
  });

  it("has no speed where a time is not known", () => {
    assert.deepEqual(continued({ usage: { completion_tokens: 3 } })?.earlier, { generations: 1, completion_tokens: 3 });
    const earlier = { generations: 1, completion_tokens: 3 };
    assert.deepEqual(continued({ usage: { completion_tokens: 3 }, timings: { decode: 1 }, earlier })?.earlier, { generations: 2, completion_tokens: 6 });
  });

  it("keeps how long its thoughts took", () => {
    assert.deepEqual(continued({ thoughts: [2000] })?.thoughts, [2000]);
  });
});
