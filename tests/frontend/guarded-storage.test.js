import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { GuardedStorage } from "../../frontend/guarded-storage.js";

/** @param {Partial<Storage>} storage */
function guarded(storage) {
  return new GuardedStorage(() => /** @type {Storage} */ (storage));
}

describe("GuardedStorage", () => {
  it("reads what it has written", () => {
    /** @type {Map<string, string>} */
    const values = new Map();
    const storage = guarded({
      getItem: (key) => values.get(key) ?? null,
      setItem: (key, value) => values.set(key, value),
    });
    assert.equal(storage.read("a"), null);
    storage.write("a", { b: [1] });
    assert.deepEqual(storage.read("a"), { b: [1] });
  });

  it("keeps apart what two servers of one origin have", () => {
    /** @type {Map<string, string>} */
    const values = new Map();
    const open = () => /** @type {Storage} */ (/** @type {unknown} */ ({
      getItem: (/** @type {string} */ key) => values.get(key) ?? null,
      setItem: (/** @type {string} */ key, /** @type {string} */ value) => values.set(key, value),
    }));
    new GuardedStorage(open, "/chat").write("a", 1);
    assert.equal(new GuardedStorage(open).read("a"), null);
    assert.equal(new GuardedStorage(open, "/chat").read("a"), 1);
    assert.deepEqual([...values.keys()], ["a/chat"]);
  });

  it("reads nothing from what is not JSON", () => {
    assert.equal(guarded({ getItem: () => "{broken" }).read("a"), null);
  });

  it("goes on where the browser forbids or has no room", () => {
    const refuse = () => {
      throw new Error("SecurityError, QuotaExceededError");
    };
    const forbidden = new GuardedStorage(refuse);
    assert.equal(forbidden.read("a"), null);
    forbidden.write("a", 1);
    guarded({ setItem: refuse }).write("a", 1);
  });
});
