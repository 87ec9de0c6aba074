import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { generate } from "../../../frontend/protocol/messages.js";
import { Session } from "../../../frontend/protocol/session.js";
import { Cursor } from "../../../frontend/protocol/tracked.js";

/** @typedef {import("../../../frontend/protocol/messages.js").ErrorMessage} ErrorMessage */

const ASKED = { conversation: "c", parent: null, content: "Hi", message_id: "q" };
const REQUEST = generate({ id: "a", ...ASKED });
const ACCEPTED = /** @type {const} */ ({ type: "accepted", id: "a", epoch: "e1", position: 0 });

/**
 * @param {number} seq
 * @param {number} [n]
 */
function token(seq, n = 1) {
  return /** @type {const} */ ({ type: "token", id: "a", seq, n, text: `<${seq}>` });
}

/** @param {number} seq */
function done(seq) {
  return /** @type {const} */ ({ type: "done", id: "a", seq, reason: "stop" });
}

/**
 * @param {string} code
 * @param {Partial<ErrorMessage>} [more]
 * @returns {ErrorMessage}
 */
function error(code, more = {}) {
  return { type: "error", id: "a", code, message: "No.", ...more };
}

describe("Cursor", () => {
  it("moves over every piece of a token", () => {
    const cursor = new Cursor();
    assert.equal(cursor.read({ seq: 1, n: 1 }), "next");
    assert.equal(cursor.read({ seq: 4, n: 3 }), "next");
    assert.equal(cursor.seq, 4);
    assert.equal(cursor.hasReachedEnd({ seq: 5 }), true);
  });

  it("counts a token without n as one piece", () => {
    const cursor = new Cursor();
    assert.equal(cursor.read({ seq: 1 }), "next");
  });

  it("knows what it has read, also as part of a larger token", () => {
    const cursor = new Cursor();
    cursor.read({ seq: 4, n: 4 });
    assert.equal(cursor.read({ seq: 4, n: 1 }), "duplicate");
    assert.equal(cursor.read({ seq: 3, n: 2 }), "duplicate");
    assert.equal(cursor.seq, 4);
  });

  it("stays before a hole and before a token that overlaps", () => {
    const cursor = new Cursor();
    cursor.read({ seq: 2, n: 2 });
    assert.equal(cursor.read({ seq: 4, n: 1 }), "gap");
    assert.equal(cursor.read({ seq: 4, n: 3 }), "gap");
    assert.equal(cursor.seq, 2);
    assert.equal(cursor.hasReachedEnd({ seq: 5 }), false);
  });
});

/**
 * @param {number} seq
 * @param {string} content
 */
function steered(seq, content) {
  return /** @type {const} */ ({ type: "steered", id: "a", seq, content });
}

/**
 * @param {number} seq
 * @param {string} [epoch]
 */
function snapshot(seq, epoch = "e1") {
  return /** @type {const} */ ({ type: "snapshot", id: "a", epoch, seq, text: "all" });
}

describe("steering", () => {
  const NONE = { send: [], deliver: [] };
  /** @type {Session} */
  let session;

  beforeEach(() => {
    session = new Session();
    session.opened();
    session.begin(REQUEST);
    session.receive(ACCEPTED);
    session.receive(token(1));
  });

  it("sends an instruction, and delivers its event but not the snapshot that repeats the text", () => {
    const sent = { type: "steer", id: "a", content: "shorter", key: "k1" };
    assert.deepEqual(session.steer("a", "shorter", "k1"), { send: [sent], deliver: [] });
    assert.deepEqual(session.receive(steered(2, "shorter")).deliver, [steered(2, "shorter")]);
    assert.deepEqual(session.receive(snapshot(2)), NONE);
    assert.deepEqual(session.receive(token(3)).deliver, [token(3)]);
    assert.deepEqual(session.receive(done(4)).deliver, [done(4)]);
  });

  it("attaches again after a gap before an instruction, and skips one that it has", () => {
    assert.deepEqual(session.receive(steered(1, "shorter")), NONE);
    assert.deepEqual(session.receive(steered(3, "shorter")).send, [{ type: "attach", id: "a", epoch: "e1", after: 1 }]);
  });

  it("reports the oldest instruction when one is refused", () => {
    session.steer("a", "shorter", "k1");
    session.steer("a", "in French", "k2");
    const refusal = error("context_overflow", { re: "steer" });
    assert.deepEqual(session.receive(refusal).deliver, [{ type: "unsteered", id: "a", content: "shorter", key: "k1", error: refusal }]);
    session.receive(steered(2, "in French"));
    assert.deepEqual(session.receive(refusal), NONE);
  });

  it("takes an instruction once, however often it comes with one key", () => {
    assert.equal(session.steer("a", "shorter", "k1").send.length, 1);
    assert.deepEqual(session.steer("a", "shorter", "k1"), NONE);
    assert.deepEqual(session.receive(done(2)).deliver.map(({ type }) => type), ["unsteered", "done"]);
  });

  it("reports an instruction that the end overtakes, and one after the end", () => {
    session.steer("a", "shorter", "k1");
    const [late, end] = session.receive(done(2)).deliver;
    assert.deepEqual([late?.type, end?.type], ["unsteered", "done"]);
    const [after] = session.steer("a", "in French", "k2").deliver;
    assert.deepEqual([after?.type, after && "content" in after && after.content], ["unsteered", "in French"]);
  });

  it("sends instructions again with their keys after a lost connection if the log lacks them", () => {
    session.steer("a", "shorter", "k1");
    session.steer("a", "in French", "k2");
    session.closed();
    session.steer("a", "no code", "k3");
    session.opened();
    const attached = /** @type {const} */ ({ type: "attached", id: "a", epoch: "e1", recovered: true, to: 3 });
    assert.deepEqual(session.receive(attached).send, []);
    assert.deepEqual(session.receive(token(2)).send, []);
    assert.deepEqual(session.receive(steered(3, "shorter")).send, [
      { type: "steer", id: "a", content: "in French", key: "k2" },
      { type: "steer", id: "a", content: "no code", key: "k3" },
    ]);
  });

  it("takes the snapshot of another log even with its own number", () => {
    session.receive({ type: "attached", id: "a", epoch: "e2", recovered: false, to: 1 });
    assert.deepEqual(session.receive(snapshot(1, "e2")).deliver, [snapshot(1, "e2")]);
  });
});

describe("Session", () => {
  /** @type {Session} */
  let session;

  beforeEach(() => {
    session = new Session();
    session.opened();
  });

  function begin() {
    session.begin(REQUEST);
    session.receive(ACCEPTED);
  }

  it("sends a request at once while it is open", () => {
    assert.deepEqual(session.begin(REQUEST).send, [REQUEST]);
  });

  it("holds a request until it is open", () => {
    session.closed();
    assert.deepEqual(session.begin(REQUEST).send, []);
    assert.deepEqual(session.opened().send, [REQUEST]);
  });

  it("delivers the events of an answer in order and then forgets it", () => {
    begin();
    for (const message of [token(1), token(3, 2), done(4)]) {
      assert.deepEqual(session.receive(message), { send: [], deliver: [message] });
    }
    assert.equal(session.isBusy, false);
    assert.deepEqual(session.receive(token(4)), { send: [], deliver: [] });
  });

  it("drops duplicates", () => {
    begin();
    session.receive(token(1));
    assert.deepEqual(session.receive(token(1)), { send: [], deliver: [] });
  });

  it("ignores other generations and unknown types", () => {
    begin();
    const strange = /** @type {any} */ ({ type: "novelty", id: "a" });
    assert.deepEqual(session.receive({ ...token(1), id: "b" }).deliver, []);
    assert.deepEqual(session.receive(strange).deliver, []);
    assert.deepEqual(session.receive({ type: "pong" }).deliver, []);
  });

  it("asks once for what is missing and goes on from there", () => {
    begin();
    session.receive(token(1));
    const attach = { type: "attach", id: "a", epoch: "e1", after: 1 };
    assert.deepEqual(session.receive(token(3)), { send: [attach], deliver: [] });
    assert.deepEqual(session.receive(token(4)), { send: [], deliver: [] });
    session.receive({ type: "attached", id: "a", epoch: "e1" });
    assert.deepEqual(session.receive(token(4, 3)).deliver, [token(4, 3)]);
  });

  it("does not take an end before the last token for the end", () => {
    begin();
    session.receive(token(1));
    assert.deepEqual(session.receive(done(4)).send, [{ type: "attach", id: "a", epoch: "e1", after: 1 }]);
    assert.equal(session.isBusy, true);
  });

  it("goes on behind a snapshot under its epoch", () => {
    begin();
    const snapshot = /** @type {const} */ ({ type: "snapshot", id: "a", epoch: "e2", seq: 7, text: "all" });
    assert.deepEqual(session.receive(snapshot).deliver, [snapshot]);
    assert.deepEqual(session.receive(token(8)).deliver, [token(8)]);
    session.closed();
    assert.deepEqual(session.opened().send, [{ type: "attach", id: "a", epoch: "e2", after: 8 }]);
  });

  it("attaches what was accepted and repeats what was not, after a lost connection", () => {
    begin();
    session.receive(token(2, 2));
    const other = generate({ id: "b", ...ASKED });
    session.begin(other);
    session.closed();
    assert.deepEqual(session.opened().send, [{ type: "attach", id: "a", epoch: "e1", after: 2 }, other]);
  });

  it("takes an attached answer to a repeated request for its acceptance", () => {
    session.begin(REQUEST);
    session.closed();
    session.opened();
    session.receive({ type: "attached", id: "a", epoch: "e1" });
    assert.deepEqual(session.receive(token(1)).deliver, [token(1)]);
    assert.deepEqual(session.receive(error("unknown_id")).deliver, [{ type: "lost", id: "a" }]);
  });

  it("repeats a cancel after a lost connection", () => {
    begin();
    assert.deepEqual(session.cancel("a").send, [{ type: "cancel", id: "a" }]);
    session.closed();
    assert.deepEqual(session.opened().send.at(-1), { type: "cancel", id: "a" });
  });

  it("reads an answer from its beginning that was asked for elsewhere, and goes on with it", () => {
    assert.deepEqual(session.follow("a").send, [{ type: "attach", id: "a", after: 0 }]);
    assert.deepEqual(session.follow("a").send, []);
    session.receive({ type: "attached", id: "a", epoch: "e1" });
    assert.deepEqual(session.receive(token(2, 2)).deliver, [token(2, 2)]);
    session.closed();
    assert.deepEqual(session.opened().send, [{ type: "attach", id: "a", epoch: "e1", after: 2 }]);
  });

  it("is not confused by what was on its way when it began to follow", () => {
    session.follow("a");
    assert.deepEqual(session.receive(token(7)), { send: [], deliver: [] });
    session.receive({ type: "attached", id: "a", epoch: "e1" });
    assert.deepEqual(session.receive(token(8, 8)).deliver, [token(8, 8)]);
  });

  it("detaches from an answer that goes on, but not from a request that may not have arrived", () => {
    session.begin(REQUEST);
    assert.deepEqual(session.detach("a").send, []);
    session.receive(ACCEPTED);
    assert.deepEqual(session.detach("a").send, [{ type: "detach", id: "a" }]);
    assert.deepEqual(session.receive(token(1)).deliver, []);
    assert.equal(session.isBusy, false);
  });

  it("watches the conversations over each connection, and delivers their changes", () => {
    assert.deepEqual(session.watch().send, [{ type: "watch" }]);
    session.begin(REQUEST);
    session.closed();
    assert.deepEqual(session.opened().send, [{ type: "watch" }, REQUEST]);
    const changed = /** @type {any} */ ({ type: "conversation", id: "c", version: 3 });
    assert.deepEqual(session.receive(changed).deliver, [changed]);
  });

  it("cancels what an earlier page may have sent", () => {
    session.closed();
    session.begin(REQUEST, true);
    assert.deepEqual(session.cancel("a").deliver, []);
    assert.deepEqual(session.opened().send, [REQUEST, { type: "cancel", id: "a" }]);
  });

  it("withdraws what was never sent", () => {
    session.closed();
    session.begin(REQUEST);
    assert.deepEqual(session.cancel("a"), { send: [], deliver: [{ type: "withdrawn", id: "a" }] });
    assert.deepEqual(session.opened().send, []);
  });

  it("cancels nothing that it does not know", () => {
    assert.deepEqual(session.cancel("z"), { send: [], deliver: [] });
  });

  it("ends a request that is refused", () => {
    session.begin(REQUEST);
    const refusal = error("context_overflow", { re: "generate" });
    assert.deepEqual(session.receive(refusal).deliver, [{ type: "rejected", id: "a", error: refusal }]);
    assert.equal(session.isBusy, false);
  });

  it("finds the refused request when the error does not name it", () => {
    begin();
    session.begin(generate({ id: "b", ...ASKED }));
    const refusal = error("invalid_field", { re: "generate", id: undefined });
    assert.deepEqual(session.receive(refusal).deliver, [{ type: "rejected", id: "b", error: refusal }]);
    assert.deepEqual(session.receive(error("bad_json", { id: undefined })).deliver, []);
  });

  describe("when a frame is refused as a whole", () => {
    const [second, third] = ["b", "c"].map((id) => generate({ id, ...ASKED }));
    const long = generate({ id: "b", ...ASKED, content: "x".repeat(1000) });

    /** @param {import("../../../frontend/protocol/session.js").Step} step */
    function rejected({ deliver }) {
      return deliver.map((event) => (event.type === "rejected" ? `${event.id} ${event.error.code}` : event.type));
    }

    it("takes an error that names nothing for the answer to the oldest request without one", () => {
      begin();
      for (const request of [second, third]) session.begin(/** @type {any} */ (request));
      assert.deepEqual(rejected(session.receive(error("bad_json", { id: undefined }))), ["b bad_json"]);
      assert.deepEqual(rejected(session.receive(error("bad_json", { id: undefined }))), ["c bad_json"]);
      assert.deepEqual(rejected(session.receive(error("bad_json", { id: undefined }))), []);
    });

    it("takes no error about something else for the answer to a request", () => {
      session.begin(REQUEST);
      for (const more of [{ re: "ping" }, { re: "attach" }, { re: "draft" }, {}]) {
        assert.deepEqual(session.receive(error("invalid_field", { id: undefined, ...more })).deliver, []);
      }
    });

    it("takes no error about a draft for the answer to a request", () => {
      session.begin(REQUEST);
      session.opened();
      assert.deepEqual(session.receive(error("unknown_id", { id: undefined, re: "draft" })).deliver, []);
    });

    it("gives up the longest request where a frame was too long, and repeats the others", () => {
      for (const request of [REQUEST, long, third]) session.begin(/** @type {any} */ (request));
      assert.deepEqual(rejected(session.receive(error("bad_frame", { id: undefined }))), ["b bad_frame"]);
      assert.deepEqual(session.closed(1009).deliver, []);
      assert.deepEqual(session.opened().send, [REQUEST, third]);
    });

    it("gives up the longest request where the close alone says that a frame was too long", () => {
      for (const request of [REQUEST, long, third]) session.begin(/** @type {any} */ (request));
      assert.deepEqual(rejected(session.closed(1009)), ["b frame_too_large"]);
      assert.equal(session.hasRefusedFrame, true);
      assert.deepEqual(session.opened().send, [REQUEST, third]);
    });

    it("gives up the oldest request where frames could not be read", () => {
      for (const request of [second, third]) session.begin(/** @type {any} */ (request));
      assert.deepEqual(rejected(session.closed(4400)), ["b bad_frame"]);
      assert.deepEqual(session.opened().send, [third]);
    });

    it("blames no request for a close that no request can be the reason for", () => {
      begin();
      session.closed(4400);
      assert.equal(session.hasRefusedFrame, false);
    });

    it("ends the request that the transport could not bring", () => {
      for (const request of [second, third]) session.begin(/** @type {any} */ (request));
      assert.deepEqual(rejected(session.refused("b", error("frame_too_large", { id: undefined }))), ["b frame_too_large"]);
      assert.deepEqual(rejected(session.refused("b", error("frame_too_large", { id: undefined }))), []);
      session.closed();
      assert.deepEqual(session.opened().send, [third]);
    });

    it("gives up a request after five connections that ended without an answer to it", () => {
      session.begin(REQUEST);
      for (let losses = 1; losses < 5; losses += 1) {
        assert.deepEqual(session.closed(1006).deliver, []);
        assert.deepEqual(session.opened().send, [REQUEST]);
      }
      assert.deepEqual(rejected(session.closed(1006)), ["a connection_lost"]);
      assert.deepEqual(session.opened().send, []);
    });

    it("counts no connection that never opened", () => {
      session.begin(REQUEST);
      for (let attempts = 0; attempts < 20; attempts += 1) assert.deepEqual(session.closed(1006).deliver, []);
      assert.deepEqual(session.opened().send, [REQUEST]);
    });
  });

  it("loses an answer that the server no longer knows", () => {
    begin();
    assert.deepEqual(session.receive(error("unknown_id", { re: "attach" })).deliver, [{ type: "lost", id: "a" }]);
    assert.equal(session.isBusy, false);
  });

  it("loses an answer that cannot be attached", () => {
    begin();
    assert.deepEqual(session.receive(error("unsupported", { re: "attach" })).deliver, [{ type: "lost", id: "a" }]);
  });

  it("attaches later where the server asks for patience", () => {
    begin();
    const step = session.receive(error("rate_limited", { re: "attach", retryable: true, retry_after_ms: 300 }));
    assert.deepEqual(step.later, [{ message: { type: "attach", id: "a", epoch: "e1", after: 0 }, afterMs: 300 }]);
  });

  it("lets a late cancel be", () => {
    begin();
    assert.deepEqual(session.receive(error("already_done", { re: "cancel" })), { send: [], deliver: [] });
    assert.equal(session.isBusy, true);
  });

  it("does not repeat what was too big for the server", () => {
    session.begin(REQUEST);
    const [event] = session.closed(1009).deliver;
    assert.equal(event?.type, "rejected");
    assert.deepEqual(session.opened().send, []);
  });
});
