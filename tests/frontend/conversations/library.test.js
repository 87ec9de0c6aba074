import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { ApiError } from "../../../frontend/conversations/api-error.js";
import { Library, unsentSummary } from "../../../frontend/conversations/library.js";
import { FakeClock } from "../fake-clock.js";
import { settle } from "../fake-parts.js";

/** @typedef {import("../../../frontend/conversations/api.js").Found} Found */

/**
 * @param {string} id
 * @param {Partial<Found>} [fields]
 * @returns {Found}
 */
function summary(id, fields = {}) {
  return { id, title: id, created_at: 0, updated_at: 0, pinned: false, version: 1, writing: [], ...fields };
}

class FakeApi {
  /** @type {Found[]} */
  conversations = [];
  /** @type {ApiError | null} */
  trouble = null;
  /** @type {object[]} */
  lists = [];
  pageSize = 50;

  /** @param {{before?: string | null, query?: string}} which */
  async list(which) {
    this.lists.push(which);
    if (this.trouble) throw this.trouble;
    const all = which.query ? this.conversations.filter(({ title }) => title.includes(which.query ?? "")) : this.conversations;
    const from = Number(which.before ?? 0);
    const next = from + this.pageSize < all.length ? String(from + this.pageSize) : null;
    return { conversations: all.slice(from, from + this.pageSize), next };
  }

  /** @param {string} id @param {object} change */
  async change(id, change) {
    if (this.trouble) throw this.trouble;
    return summary(id, { ...change, version: 9 });
  }

  /** @param {string} id */
  async remove(id) {
    if (this.trouble) throw this.trouble;
    return { id, restore_until: 0 };
  }

  /** @param {string} id */
  async restore(id) {
    return summary(id, { version: 9 });
  }
}

describe("Library", () => {
  /** @type {FakeClock} */
  let clock;
  /** @type {FakeApi} */
  let api;
  /** @type {Library} */
  let library;

  beforeEach(() => {
    clock = new FakeClock();
    api = new FakeApi();
    library = new Library(api, clock);
    library.start({ libraryChanged: () => {} });
  });

  const ids = () => library.holdings.conversations.map(({ id }) => id);

  it("shows pinned ones first, then the newest", async () => {
    api.conversations = [summary("old", { updated_at: 1 }), summary("new", { updated_at: 2 }), summary("pin", { pinned: true })];
    assert.equal(library.holdings.phase, "loading");
    await library.refresh();
    assert.deepEqual([ids(), library.holdings.phase, library.holdings.hasMore], [["pin", "new", "old"], "ready", false]);
  });

  it("reads page after page, and as many again when it is refreshed", async () => {
    api.conversations = Array.from({ length: 120 }, (_, at) => summary(`c${at}`, { updated_at: 1000 - at }));
    await library.refresh();
    assert.deepEqual([ids().length, library.holdings.hasMore], [50, true]);
    await Promise.all([library.more(), library.more()]);
    assert.equal(ids().length, 100);
    await library.refresh();
    assert.equal(ids().length, 100);
    await library.more();
    assert.deepEqual([ids().length, library.holdings.hasMore, ids()[119]], [120, false, "c119"]);
  });

  it("follows what changes elsewhere, and is not led back by older news", async () => {
    library.onSummary({ type: "conversation", ...summary("a", { version: 3, title: "New" }) });
    library.onSummary({ type: "conversation", ...summary("a", { version: 2, title: "Old" }) });
    assert.equal(library.find("a")?.title, "New");
    library.onSummary({ type: "conversation", ...summary("a", { version: 4 }), deleted: true });
    assert.deepEqual(ids(), []);
  });

  it("keeps what it hears while it reads, which may be newer than what is read", async () => {
    api.conversations = ["stays", "goes", "changes"].map((id) => summary(id));
    const reading = library.refresh();
    library.onSummary(summary("comes", { version: 2 }));
    library.onSummary(summary("changes", { version: 2, title: "changed" }));
    library.forget("goes");
    await reading;
    const titles = library.holdings.conversations.map(({ title }) => title);
    assert.deepEqual(titles.toSorted(), ["changed", "comes", "stays"]);
    api.conversations = api.conversations.filter(({ id }) => id !== "changes");
    await library.refresh();
    assert.deepEqual(library.holdings.conversations.map(({ id }) => id).toSorted(), ["goes", "stays"]);
  });

  it("keeps what the server does not have yet", async () => {
    library.onSummary(unsentSummary("mine", "What is this?\nAnd that?", 5));
    api.conversations = [summary("a")];
    await library.refresh();
    assert.deepEqual(ids(), ["mine", "a"]);
    library.onSummary({ type: "conversation", ...summary("mine", { title: "What is this?", version: 1 }) });
    assert.equal(library.find("mine")?.version, 1);
  });

  it("calls what the server does not have yet by its words, or by its first file", () => {
    const block = '```py file="one.py"\nprint(1)\n```';
    assert.equal(unsentSummary("mine", `Why?\n\n${block}`, 5).title, "Why?");
    assert.equal(unsentSummary("mine", block, 5).title, "one.py");
  });

  it("searches once nothing more is typed, and forgets what comes too late", async () => {
    api.conversations = [summary("apple"), summary("pear")];
    await library.refresh();
    library.search("app");
    library.search("apple ");
    clock.advance(149);
    assert.equal(api.lists.length, 1);
    clock.advance(1);
    await settle();
    assert.deepEqual([api.lists.length, ids(), library.holdings.query], [2, ["apple"], "apple"]);
    library.search("pe");
    clock.advance(150);
    library.search("");
    await settle();
    clock.advance(0);
    await settle();
    assert.deepEqual([ids(), library.holdings.query], [["pear", "apple"], ""]);
  });

  it("says why there is no list, and reads it when asked again", async () => {
    api.trouble = new ApiError("The disk is full.", { status: 503 });
    await library.refresh();
    assert.deepEqual([library.holdings.phase, library.holdings.error?.message], ["failed", "The disk is full."]);
    api.trouble = null;
    await library.refresh();
    assert.deepEqual([library.holdings.phase, library.holdings.error], ["ready", null]);
  });

  it("takes one out at once, and puts it back where the server refuses", async () => {
    api.conversations = [summary("a")];
    await library.refresh();
    api.trouble = new ApiError("No.", { status: 503 });
    const removed = assert.rejects(library.remove("a"), /No\./);
    assert.deepEqual(ids(), []);
    await removed;
    assert.deepEqual(ids(), ["a"]);
    api.trouble = new ApiError("Gone.", { status: 404 });
    await library.remove("a");
    assert.deepEqual(ids(), []);
    await library.restore("a");
    assert.deepEqual(ids(), ["a"]);
  });

  it("renames and pins", async () => {
    await library.change("a", { title: "B", pinned: true });
    assert.deepEqual([library.find("a")?.title, library.find("a")?.pinned], ["B", true]);
  });

  it("leaves no timer behind", () => {
    library.search("a");
    library.stop();
    assert.equal(clock.timerCount, 0);
  });
});
