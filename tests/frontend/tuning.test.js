import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { FakeTabs, done, settle, token } from "./fake-parts.js";

/** @typedef {ReturnType<FakeTabs["open"]>} Tab */

const MODEL = /** @type {const} */ ({ name: "starter", context: 2048, sampling: { temperature: 0.3 } });

/**
 * @param {string[]} features
 * @returns {import("../../frontend/connection.js").ConnectionState}
 */
function connected(features) {
  return { name: "connected", transport: "websocket", welcome: { type: "welcome", model: MODEL, features } };
}

/**
 * @param {string} id
 * @param {number} seq
 * @param {Record<string, unknown>} params
 */
function tuned(id, seq, params) {
  return /** @type {const} */ ({ type: "tuned", id, seq, params });
}

/**
 * @param {string} id
 * @param {string} code
 */
function untuned(id, code) {
  const error = /** @type {const} */ ({ type: "error", re: "tune", id, code, message: "No.", retryable: false });
  return /** @type {const} */ ({ type: "untuned", id, params: {}, error });
}

describe("An answer that is being written", () => {
  /** @type {FakeTabs} */
  let tabs;
  /** @type {Tab} */
  let tab;
  let id = "";

  beforeEach(async () => {
    tabs = new FakeTabs();
    tab = tabs.open(null);
    tab.ui.connectionChanged(connected(["tune"]));
    await settle();
    tab.ui.set({ params: { temperature: 0.7, max_tokens: 20, top_k: 5 } });
    id = await tabs.begin(tab, "Tell me a story");
  });

  const write = (/** @type {number} */ seq) => tab.ui.connectionDelivered(token(id, seq, "word "));
  const offers = () => tab.transcript.last.shown.offers;

  it("gets the settings that changed, once they rest for a moment", () => {
    write(1);
    tab.ui.set({ params: { temperature: 0.9, max_tokens: 20, top_k: 5 } });
    tabs.clock.advance(200);
    tab.ui.set({ params: { temperature: 1.1, max_tokens: 40, top_k: 5 } });
    tabs.clock.advance(200);
    assert.deepEqual(tab.connection.tuned, []);
    tabs.clock.advance(100);
    assert.deepEqual(tab.connection.tuned, [{ id, params: { temperature: 1.1, max_tokens: 40 } }]);
  });

  it("gets the model's or the usual value of a setting that was cleared, and no schema", () => {
    tab.ui.set({ params: { json_schema: { type: "object" } } });
    tabs.clock.advance(300);
    assert.deepEqual(tab.connection.tuned, [{ id, params: { temperature: 0.3, max_tokens: 2147483647, top_k: 40 } }]);
  });

  it("gets nothing after a change that was undone, after its end, or from a server that can't", () => {
    const { settings } = tab.ui;
    tab.ui.set({ ...settings, params: { ...settings.params, temperature: 1 } });
    tab.ui.set(settings);
    tabs.clock.advance(300);
    tab.ui.set({ ...settings, system: "Be brief." });
    tabs.clock.advance(300);
    tab.ui.set({ ...settings, params: { temperature: 1 } });
    tab.ui.connectionDelivered(done(id));
    tabs.clock.advance(300);
    assert.deepEqual(tab.connection.tuned, []);
    tab.ui.connectionChanged(connected(["steer"]));
    tab.ui.set({ params: { temperature: 2 } });
    tabs.clock.advance(300);
    assert.deepEqual(tab.connection.tuned, []);
  });

  it("says in its line that new settings apply, until its end", () => {
    write(1);
    assert.equal(tab.transcript.last.status, "Writing · 1 token");
    tab.ui.connectionDelivered(tuned(id, 2, { temperature: 1 }));
    write(3);
    assert.equal(tab.transcript.last.status, "Writing · 3 tokens · new settings");
    tab.ui.connectionDelivered(done(id));
    assert.equal(tab.transcript.texts.at(-1), "word word ");
  });

  it("can be made longer near its limit", () => {
    for (let seq = 1; seq < 15; seq += 1) write(seq);
    assert.deepEqual(offers(), []);
    write(15);
    assert.deepEqual(offers(), ["longer"]);
    const [message] = [...tab.transcript.messages.keys()].slice(-1);
    assert.ok(message);
    tab.ui.messageOffered("longer", message);
    assert.deepEqual([tab.connection.tuned, tab.said.at(-1)], [[{ id, params: { max_tokens: 40 } }], "The answer may get longer"]);
    tab.ui.connectionDelivered(tuned(id, 16, { max_tokens: 40 }));
    assert.deepEqual(offers(), []);
    for (let seq = 17; seq < 31; seq += 1) write(seq);
    assert.deepEqual(offers(), ["longer"]);
    tab.ui.composerStopped();
    tab.ui.connectionChanged({ name: "waiting", retryAt: 1000 });
    assert.deepEqual(offers(), []);
  });

  it("keeps its settings if the server refuses the new ones, and says so unless it has ended", () => {
    tab.ui.connectionDelivered(untuned(id, "already_done"));
    assert.deepEqual(tab.toasts, []);
    tab.ui.connectionDelivered(untuned(id, "unsupported"));
    tab.ui.connectionDelivered(untuned(id, "busy"));
    assert.deepEqual(tab.toasts.map(({ text }) => text), [
      "This answer keeps its settings. The new ones apply to the next answer.",
      "The model is still being loaded. The new settings apply to the next answer.",
    ]);
  });
});
