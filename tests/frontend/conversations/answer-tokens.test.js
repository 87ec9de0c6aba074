import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { tokensOf } from "../../../frontend/conversations/answer-tokens.js";

const LOG = { id: "g1", pieces: ["One", " two", "", " three"] };

/**
 * @param {Partial<import("../../../frontend/conversations/api.js").GenerationText>} log
 * @param {string} content
 * @param {boolean} [isWriting]
 */
function tokens(log, content, isWriting = false) {
  const made = tokensOf({ ...LOG, ...log }, { content, isWriting });
  assert.ok(made);
  return made;
}

describe("The tokens of an answer", () => {
  it("have their numbers in the log, also after an event that is no text", () => {
    const made = tokens({}, "One two three");
    assert.deepEqual([0, 1, 2, 3].map((index) => [made.seqOf(index), made.textOf(index)]), [[1, "One"], [2, " two"], [4, " three"], [5, ""]]);
    assert.deepEqual([made.count, made.last, made.end, made.isFinished], [3, 4, 13, true]);
  });

  it("have places in the answer's text", () => {
    const made = tokens({}, "One two three");
    assert.deepEqual([0, 1, 2, 3].map((index) => made.placeOf(index)), [[0, 3], [3, 7], [7, 13], [13, 13]]);
    assert.deepEqual([-1, 0, 2, 3, 12, 13].map((place) => made.indexAt(place)), [-1, 0, 0, 1, 2, -1]);
  });

  it("come after the text that a continued answer had before", () => {
    const made = tokens({}, "Zero. One two three");
    assert.deepEqual([made.placeOf(0), made.indexAt(5), made.indexAt(6)], [[6, 9], -1, 0]);
  });

  it("grow while the answer is written", () => {
    const made = tokens({}, "Zero. ", true);
    assert.deepEqual([made.placeOf(0), made.isFinished], [[6, 9], false]);
    made.add(" four");
    assert.deepEqual([made.count, made.seqOf(3), made.placeOf(3)], [4, 5, [19, 24]]);
  });

  it("are those after the newest instruction", () => {
    const steered = [{ seq: 2, chars: 3, content: "Shorter" }];
    const made = tokens({ pieces: ["One", "", " two", " three"], steered }, " two three");
    assert.deepEqual([made.count, made.seqOf(0), made.placeOf(0)], [2, 3, [0, 4]]);
  });

  it("are unknown once the user has changed the text", () => {
    assert.equal(tokensOf(LOG, { content: "One two four", isWriting: false }), null);
  });

  it("are none before the first one", () => {
    const made = tokens({ pieces: [] }, "", true);
    assert.deepEqual([made.count, made.seqOf(0), made.indexAt(0)], [0, 1, -1]);
  });
});
