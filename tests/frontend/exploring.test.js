import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { FORGOTTEN, OFFLINE } from "../../frontend/words/explore-words.js";
import { FakeTabs, WAITING, accepted, done, settle, token } from "./fake-parts.js";

/** @typedef {ReturnType<FakeTabs["open"]>} Tab */

/**
 * @param {string[]} features
 * @returns {import("../../frontend/connection.js").ConnectionState}
 */
function connected(features = ["alternatives", "fork"]) {
  return { name: "connected", transport: "websocket", welcome: { type: "welcome", features } };
}

const CAT = { token: " cat", logprob: -0.2 };
const DOG = { token: " dog", logprob: -1.9, chosen: true };

describe("An answer whose tokens are explored", () => {
  /** @type {FakeTabs} */
  let tabs;
  /** @type {Tab} */
  let tab;
  /** Id of the generation, and of its message. */
  let id = "";

  beforeEach(async () => {
    tabs = new FakeTabs();
    tab = tabs.open(null);
    tab.ui.connectionChanged(connected());
    await settle();
    id = await tabs.begin(tab, "Who barks?");
    tab.ui.connectionDelivered(token(id, 1, "The"));
    tab.ui.connectionDelivered(token(id, 2, " dog"));
    tabs.server.logs.set(id, { id, pieces: ["The", " dog"] });
  });

  const view = () => {
    const explored = tab.transcript.find(id)?.explored;
    assert.ok(explored);
    return explored;
  };

  const explore = async () => {
    tab.ui.messageActed("explore", id);
    await settle();
    return view();
  };

  /** @returns {Promise<[string, string]>} two answers of which the first token is there */
  const compare = async () => {
    await end();
    tab.compareSetup.open({ label: "A" }, { label: "B" });
    tab.ui.composerSent("Who else?");
    await settle();
    const requests = tab.connection.generated.slice(-2);
    for (const request of requests) {
      tabs.server.take(request);
      tab.ui.connectionDelivered(accepted(request.id));
      tab.ui.connectionDelivered(token(request.id, 1, "The"));
      tabs.server.logs.set(request.id, { id: request.id, pieces: ["The"] });
    }
    const document = tabs.server.documents.get(tab.address.conversation ?? "");
    assert.ok(document);
    tab.ui.connectionDelivered({ type: "conversation", ...document });
    await settle();
    return /** @type {any} */ (requests.map((request) => request.id));
  };

  const end = async () => {
    tabs.server.end(id, "The dog");
    tab.ui.connectionDelivered(done(id, { seq: 3 }));
    await settle();
  };

  it("shows them while it is written, with those that come then", async () => {
    assert.ok(tab.transcript.last.shown.actions.includes("explore"));
    const explored = await explore();
    assert.deepEqual([explored.isShown, explored.answer.count], [true, 2]);
    assert.ok(tab.transcript.last.shown.actions.includes("unexplore"));
    tab.ui.connectionDelivered(token(id, 3, " barks"));
    assert.deepEqual([explored.answer.textOf(2), explored.answer.seqOf(2)], [" barks", 3]);
  });

  it("reads those of a text of several pieces when the user goes there", async () => {
    const explored = await explore();
    tab.ui.connectionDelivered({ type: "token", id, seq: 4, n: 2, text: " barks." });
    assert.equal(explored.answer.count, 2);
    tabs.server.logs.set(id, { id, pieces: ["The", " dog", " barks", "."] });
    explored.delegate.tokensWanted();
    await settle();
    assert.deepEqual([explored.answer.textOf(2), explored.answer.textOf(3)], [" barks", "."]);
  });

  it("has an end once it is finished", async () => {
    const explored = await explore();
    assert.equal(explored.answer.isFinished, false);
    await end();
    assert.deepEqual([explored.answer.isFinished, explored.isShown], [true, true]);
  });

  it("shows the alternatives of the token that was chosen last", async () => {
    const explored = await explore();
    explored.delegate.tokenChosen(0);
    explored.delegate.tokenChosen(1);
    assert.deepEqual(tab.connection.looks.map((look) => [look.id, look.seq]), [[id, 1], [id, 2]]);
    tab.connection.looks[0]?.receive({ tokens: [CAT] });
    assert.deepEqual(explored.tokens, []);
    tab.connection.looks[1]?.receive({ tokens: [CAT, DOG] });
    assert.deepEqual([explored.tokens, explored.mayChoose], [[" cat", " dog"], true]);
  });

  it("is written again from an alternative, as another version, while the first one goes on", async () => {
    const explored = await explore();
    explored.delegate.tokenChosen(1);
    explored.delegate.alternativeChosen(1, " cat");
    await settle();
    const { conversation } = tab.address;
    const [fork] = tab.connection.forks;
    assert.ok(fork);
    assert.deepEqual(fork, { type: "generate", id: fork.id, conversation, from: { id, seq: 2, text: " cat" } });
    assert.deepEqual([explored.isShown, tab.connection.cancelled, tab.said.at(-1)], [false, [], "Answer started"]);
    assert.deepEqual(tab.transcript.last.shown.branch, { index: 2, count: 2 });
    tab.ui.connectionDelivered(accepted(fork.id));
    tab.ui.connectionDelivered({ type: "token", id: fork.id, seq: 2, n: 2, text: "The cat" });
    assert.deepEqual(tab.transcript.texts, ["Who barks?", "The cat"]);
    tab.ui.messageActed("previous", fork.id);
    tab.ui.connectionDelivered(token(id, 3, " barks"));
    assert.deepEqual(tab.transcript.texts, ["Who barks?", "The dog barks"]);
  });

  it("keeps a version that could not be sent, for the next connection and other tabs", async () => {
    const explored = await explore();
    tab.ui.connectionChanged(WAITING);
    explored.delegate.alternativeChosen(1, " cat");
    assert.deepEqual(tab.connection.forks, []);
    const other = tabs.open(tab.address.conversation);
    other.ui.connectionChanged(connected());
    await settle();
    assert.deepEqual(other.connection.forks.map(({ from }) => from), [{ id, seq: 2, text: " cat" }]);
  });

  it("says why a new version was refused, and tries it again from the same place", async () => {
    await end();
    const explored = await explore();
    explored.delegate.alternativeChosen(1, " cat");
    await settle();
    const [fork] = tab.connection.forks;
    assert.ok(fork);
    const error = /** @type {const} */ ({ type: "error", re: "generate", id: fork.id, code: "busy", message: "No.", retryable: true });
    tab.ui.connectionDelivered({ type: "rejected", id: fork.id, error });
    await settle();
    const { shown } = tab.transcript.last;
    assert.deepEqual([shown.line?.text, shown.offers], ["The server is busy. Try again in a moment.", ["retry", "dismiss"]]);
    tab.ui.messageOffered("retry", shown.id);
    await settle();
    assert.deepEqual(tab.connection.forks.map(({ from }) => from), [fork.from, fork.from]);
  });

  it("says why there are no alternatives", async () => {
    const explored = await explore();
    explored.delegate.tokenChosen(1);
    const error = /** @type {const} */ ({ type: "error", re: "alternatives", code: "unknown_id", message: "No.", retryable: false });
    tab.connection.looks[0]?.receive({ error });
    assert.equal(explored.words, FORGOTTEN);
    tab.ui.connectionChanged(WAITING);
    explored.delegate.tokenChosen(1);
    assert.deepEqual([explored.words, tab.connection.looks.length], [OFFLINE, 1]);
  });

  it("says that the server no longer has its tokens", async () => {
    tabs.server.logs.clear();
    tab.ui.messageActed("explore", id);
    await settle();
    assert.deepEqual([tab.toasts.at(-1)?.text, tab.transcript.find(id)?.explored], [FORGOTTEN, null]);
  });

  it("says that its text was changed", async () => {
    await end();
    tabs.server.logs.set(id, { id, pieces: ["A", " cat"] });
    tab.ui.messageActed("explore", id);
    await settle();
    assert.match(tab.toasts.at(-1)?.text ?? "", /was changed after it was written/);
  });

  it("is left with its button, Escape, another chat and another version", async () => {
    let explored = await explore();
    tab.ui.messageActed("unexplore", id);
    assert.equal(explored.isShown, false);
    explored = await explore();
    assert.equal(tab.ui.exploring.leave(), true);
    assert.deepEqual([explored.isShown, tab.ui.exploring.leave()], [false, false]);
    explored = await explore();
    explored.delegate.exploreLeft();
    assert.equal(explored.isShown, false);
    explored = await explore();
    tab.ui.startNewChat();
    assert.equal(explored.isShown, false);
  });

  it("is explored with the keyboard only if it has the focus", async () => {
    assert.equal(tab.ui.exploring.pressed(), false);
    tab.transcript.focused = [...tab.transcript.messages.keys()][0] ?? null;
    assert.equal(tab.ui.exploring.pressed(), false);
    tab.transcript.focused = id;
    assert.equal(tab.ui.exploring.pressed(), true);
    await settle();
    assert.equal(view().isShown, true);
  });

  it("may be one of those that are compared, and is left when it is kept", async () => {
    const [, second] = await compare();
    const column = () => tab.comparison.find(second) ?? assert.fail();
    const exploreColumn = async () => {
      tab.ui.messageActed("explore", second);
      await settle();
      return column().explored ?? assert.fail();
    };
    assert.ok(column().shown.actions.includes("explore"));
    const explored = await exploreColumn();
    assert.ok(column().shown.actions.includes("unexplore"));
    assert.deepEqual([explored.isShown, explored.answer.count], [true, 1]);
    tab.comparison.delegate?.columnSelected(second);
    assert.equal(explored.isShown, true);
    tab.comparison.delegate?.columnKept(second);
    assert.equal(explored.isShown, false);
    assert.deepEqual([tab.comparison.columns, tab.ui.exploring.message], [[], null]);
  });

  it("begins another version from a column, beside those that go on", async () => {
    const [first] = await compare();
    tab.ui.messageActed("explore", first);
    await settle();
    tab.comparison.find(first)?.explored?.delegate.alternativeChosen(0, "A");
    await settle();
    const fork = tab.connection.forks.at(-1);
    assert.deepEqual(fork?.from, { id: first, seq: 1, text: "A" });
    assert.deepEqual([tab.comparison.columns, tab.connection.cancelled], [[], []]);
    assert.deepEqual(tab.transcript.last.shown.branch, { index: 3, count: 3 });
  });

  it("is not offered by a server that can't, nor without a generation", () => {
    tab.ui.connectionChanged(connected(["steer"]));
    assert.ok(!tab.transcript.last.shown.actions.includes("explore"));
    tab.transcript.focused = id;
    assert.equal(tab.ui.exploring.pressed(), false);
  });

  it("can't be written again by a server without forks", async () => {
    tab.ui.connectionChanged(connected(["alternatives"]));
    const explored = await explore();
    explored.delegate.tokenChosen(1);
    tab.connection.looks[0]?.receive({ tokens: [CAT, DOG] });
    assert.equal(explored.mayChoose, false);
  });
});
