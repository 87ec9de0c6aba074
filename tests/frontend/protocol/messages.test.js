import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { newId, parseFrame } from "../../../frontend/protocol/messages.js";

describe("parseFrame", () => {
  it("takes one object", () => {
    assert.deepEqual(parseFrame('{"type":"pong"}'), [{ type: "pong" }]);
  });

  it("takes several objects separated by newlines, in order", () => {
    const frame = '{"type":"token","id":"a","seq":1,"n":1,"text":"x\\ny"}\n{"type":"pong"}\n';
    assert.deepEqual(parseFrame(frame), [{ type: "token", id: "a", seq: 1, n: 1, text: "x\ny" }, { type: "pong" }]);
  });

  it("leaves out what is no message", () => {
    for (const frame of ["", "\n", "{", "null", "3", "[]", '"text"', "{}", '{"type":3}']) {
      assert.deepEqual(parseFrame(frame), [], frame);
    }
  });

  it("keeps what follows a broken line", () => {
    assert.deepEqual(parseFrame('{"ty\n{"type":"pong"}'), [{ type: "pong" }]);
  });
});

describe("newId", () => {
  it("is new each time and has only characters that the protocol allows", () => {
    const ids = Array.from({ length: 100 }, newId);
    assert.equal(new Set(ids).size, 100);
    for (const id of ids) assert.match(id, /^[A-Za-z0-9._-]{1,64}$/);
  });
});
