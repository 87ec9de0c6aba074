import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { AnswerControl, PlaceError, hasFeature } from "../../../frontend/embed/answer-control.js";
import { Dialogue } from "../../../frontend/embed/dialogue.js";
import { FakeConnection } from "../fake-connection.js";
import { accepted, done, token } from "../fake-parts.js";

/** @typedef {import("../../../frontend/connection.js").ConnectionState} ConnectionState */

const ALL = ["steer", "tune", "alternatives", "fork"];

/**
 * @param {string[]} features
 * @returns {ConnectionState}
 */
function connected(features) {
  return { name: "connected", transport: "websocket", welcome: { type: "welcome", features } };
}

describe("The newest answer of a StreamUI", () => {
  /** @type {Dialogue} */
  let dialogue;
  /** @type {FakeConnection} */
  let connection;
  /** @type {AnswerControl} */
  let control;
  let ids = 0;

  beforeEach(() => {
    dialogue = new Dialogue(() => `id${(ids += 1)}`);
    connection = new FakeConnection();
    control = new AnswerControl(dialogue, connection, undefined);
    control.connectionChanged(connected(ALL));
  });

  /** @returns {string} its generation */
  function writing() {
    const { log } = dialogue.ask("Hi");
    dialogue.receive(accepted(log));
    dialogue.receive(token(log, 1, "Hello"));
    return log;
  }

  it("can be steered once it has text, and until it is stopped", () => {
    assert.equal(control.canSteer, false);
    const { log, answer } = dialogue.ask("Hi");
    dialogue.receive(accepted(log));
    assert.deepEqual([control.canSteer, control.steer("Shorter.")], [false, false]);
    dialogue.receive(token(log, 1, "Hello"));
    assert.deepEqual([control.canSteer, control.steer("  "), control.steer("Shorter.")], [true, false, true]);
    assert.deepEqual(connection.steered, [{ id: log, content: "Shorter." }]);
    answer.isStopping = true;
    assert.equal(control.canSteer, false);
  });

  it("gets new parameters until it is stopped or done", () => {
    assert.equal(control.tune({ temperature: 0.2 }), false);
    const log = writing();
    assert.deepEqual([control.tune({}), control.tune({ temperature: 0.2 })], [false, true]);
    assert.deepEqual(connection.tuned, [{ id: log, params: { temperature: 0.2 } }]);
    dialogue.receive(done(log));
    assert.deepEqual([control.canTune, control.tune({ top_k: 1 })], [false, false]);
    const { answer } = dialogue.ask("Again");
    answer.isStopping = true;
    assert.equal(control.canTune, false);
  });

  it("takes no commands without a connection, or where the server lacks them", () => {
    const log = writing();
    for (const state of [connected([]), /** @type {const} */ ({ name: "waiting", retryAt: 0 })]) {
      control.connectionChanged(state);
      assert.deepEqual([control.steer("Shorter."), control.tune({ top_k: 1 })], [false, false]);
    }
    assert.equal(control.isConnected, false);
    dialogue.receive(done(log));
    assert.equal(control.canFork, false);
    assert.deepEqual([connection.steered, connection.tuned], [[], []]);
  });

  it("has alternatives while it is written and after that", async () => {
    const log = writing();
    const found = [{ token: "Hello", logprob: -0.1, chosen: true }];
    for (const seq of [1, 2]) {
      const promise = control.alternatives(seq, 3);
      const look = connection.looks.pop();
      assert.deepEqual([look?.id, look?.seq], [log, seq]);
      look?.receive({ tokens: found });
      assert.deepEqual(await promise, found);
      dialogue.receive(done(log));
    }
  });

  it("says why there are no alternatives", async () => {
    /** @param {string} code */
    const because = (code) => (/** @type {unknown} */ error) => error instanceof PlaceError && error.code === code && error.message !== "";
    await assert.rejects(control.alternatives(1, undefined), because("unknown_id"));
    writing();
    const promise = control.alternatives(99, undefined);
    const error = /** @type {const} */ ({ type: "error", re: "alternatives", code: "invalid_field", message: "No.", retryable: false });
    connection.looks[0]?.receive({ error });
    await assert.rejects(promise, because("invalid_field"));
    control.connectionChanged({ name: "waiting", retryAt: 0 });
    await assert.rejects(control.alternatives(1, undefined), because("lost"));
  });

  it("can be forked once it has ended, if it was not divided by an instruction", () => {
    assert.equal(control.canFork, false);
    const log = writing();
    assert.equal(control.canFork, false);
    dialogue.receive(done(log));
    assert.equal(control.canFork, true);
    const divided = writing();
    dialogue.receive({ type: "steered", id: divided, seq: 2, content: "Shorter." });
    dialogue.receive(done(divided));
    assert.equal(control.canFork, false);
  });

  it("can't be forked if it is of an earlier dialogue, which the server doesn't know", () => {
    dialogue = new Dialogue(() => `id${(ids += 1)}`, [{ role: "user", content: "Hi" }, { role: "assistant", content: "Hello" }]);
    control = new AnswerControl(dialogue, connection, undefined);
    control.connectionChanged(connected(ALL));
    assert.equal(control.canFork, false);
  });

  it("is steered by the features of the model that writes it", () => {
    const models = [{ name: "one", state: "loaded", features: [] }, { name: "two", state: "loaded", features: ["steer"] }];
    const state = connected(ALL);
    Object.assign(/** @type {any} */ (state).welcome, { models });
    control.connectionChanged(state);
    const { log } = dialogue.ask("Hi");
    dialogue.receive({ ...accepted(log), model: "two" });
    dialogue.receive(token(log, 1, "Hello"));
    assert.equal(control.canSteer, true);
  });
});

describe("A model's features", () => {
  const models = /** @type {any[]} */ ([{ name: "one", features: ["steer"] }, { name: "two" }]);

  for (const [says, model, expected] of /** @type {const} */ ([
    ["are those of the first model by default", undefined, [true, false]],
    ["are those of the named model", "one", [true, false]],
    ["are those of the server where the model has none of its own", "two", [false, true]],
    ["are those of the server for an unknown model", "three", [false, true]],
  ])) {
    it(says, () => {
      const welcome = { models, features: ["tune"] };
      assert.deepEqual(["steer", "tune"].map((feature) => hasFeature(welcome, model, feature)), expected);
    });
  }

  it("are none where the server names none", () => {
    assert.equal(hasFeature({}, undefined, "steer"), false);
  });
});
