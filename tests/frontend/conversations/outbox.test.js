import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { KEY, Outbox } from "../../../frontend/conversations/outbox.js";
import { FakeBrowser } from "../fake-storage.js";

/** @typedef {import("../../../frontend/conversations/outbox.js").Parcel} Parcel */

/**
 * @param {string} id
 * @param {Partial<Parcel>} [fields]
 * @returns {Parcel}
 */
function parcel(id, fields = {}) {
  const request = /** @type {const} */ ({ type: "generate", id, conversation: "c", parent: null, content: "Hi" });
  return { request, create: null, at: 0, failure: null, ...fields };
}

describe("Outbox", () => {
  /** @type {FakeBrowser} */
  let browser;

  beforeEach(() => {
    browser = new FakeBrowser();
  });

  function openTab() {
    const tab = browser.openTab();
    const outbox = new Outbox(tab, tab);
    let changes = 0;
    outbox.start({ outboxChanged: () => (changes += 1) });
    return { tab, outbox, changes: () => changes };
  }

  /** @param {Outbox} outbox */
  function ids(outbox) {
    return outbox.parcels.map(({ request }) => request.id);
  }

  it("gives the next page what has not arrived", () => {
    const { outbox } = openTab();
    outbox.put(parcel("a"));
    outbox.put(parcel("b", { failure: { code: "busy", message: "Busy." } }));
    outbox.remove("a");
    assert.deepEqual(openTab().outbox.parcels, outbox.parcels);
    assert.deepEqual(ids(openTab().outbox), ["b"]);
  });

  it("keeps results of calls, and drops what are none", () => {
    const { outbox } = openTab();
    const { request } = parcel("a");
    const results = [{ tool_call_id: "call_1", content: "2" }];
    outbox.put(parcel("a", { request: { ...request, results } }));
    outbox.put(parcel("b", { request: { ...request, id: "b", results: /** @type {any} */ ([{ content: 2 }]) } }));
    assert.deepEqual(ids(openTab().outbox), ["a"]);
    assert.deepEqual(openTab().outbox.find("a")?.request.results, results);
  });

  it("tells the other tabs what is sent and what has arrived", () => {
    const [here, there] = [openTab(), openTab()];
    here.outbox.put(parcel("a"));
    assert.deepEqual([ids(there.outbox), there.changes(), here.changes()], [["a"], 1, 0]);
    there.outbox.remove("a");
    assert.deepEqual(ids(here.outbox), []);
  });

  it("does not undo what another tab has sent", () => {
    const [here, there] = [openTab(), openTab()];
    there.outbox.stop();
    here.outbox.put(parcel("a"));
    there.outbox.put(parcel("b"));
    assert.deepEqual(ids(openTab().outbox), ["a", "b"]);
  });

  it("finds what belongs to a conversation", () => {
    const { outbox } = openTab();
    outbox.put(parcel("a"));
    assert.deepEqual([outbox.of("c").length, outbox.of("d").length, outbox.find("a")?.at], [1, 0, 0]);
  });

  it("works where nothing can be kept", () => {
    const outbox = new Outbox({ read: () => null, write: () => {} }, new EventTarget());
    outbox.put(parcel("a"));
    assert.deepEqual(ids(outbox), ["a"]);
    outbox.remove("a");
    assert.deepEqual(ids(outbox), []);
  });

  for (const stored of ["null", "[]", "7", '{"a":{}}', '{"a":{"request":{"type":"generate","id":"b"}}}']) {
    it(`leaves out what it has not written: ${stored}`, () => {
      browser.values.set(KEY, stored);
      const { outbox } = openTab();
      assert.deepEqual(ids(outbox), []);
      outbox.put(parcel("z"));
      assert.deepEqual(ids(openTab().outbox), ["z"]);
    });
  }
});
