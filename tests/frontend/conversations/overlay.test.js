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
