import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { KEY, Queue } from "../../../frontend/conversations/queue.js";
import { FakeBrowser } from "../fake-storage.js";

/** @param {string} id @param {string} [conversation] */
function item(id, conversation = "c") {
  return { id, message: `m-${id}`, conversation, content: `Text of ${id}`, after: null };
}

describe("The queue of messages", () => {
  /** @type {FakeBrowser} */
  let browser;

  beforeEach(() => {
    browser = new FakeBrowser();
  });

  function open() {
    const tab = browser.openTab();
    const queue = new Queue(tab, tab);
    let changes = 0;
    queue.start({ queueChanged: () => (changes += 1) });
    return { queue, tab, changes: () => changes };
  }

  /** @param {Queue} queue */
  const ids = (queue, conversation = "c") => queue.of(conversation).map(({ id }) => id);

  it("keeps the order and the conversation of messages over a reload", () => {
    const { queue } = open();
    for (const each of [item("a"), item("x", "other"), item("b")]) queue.add(each);
    queue.remove("x");
    queue.add(item("y", "other"));
    const { queue: later } = open();
    assert.deepEqual([ids(later), ids(later, "other")], [["a", "b"], ["y"]]);
    assert.deepEqual(later.conversations, ["c", "other"]);
  });

  it("is the same in every tab, and says so", () => {
    const [one, other] = [open(), open()];
    one.queue.add(item("a"));
    other.queue.add(item("b"));
    one.queue.remove("a");
    assert.deepEqual([ids(one.queue), ids(other.queue)], [["b"], ["b"]]);
    assert.deepEqual([one.changes(), other.changes()], [1, 2]);
  });

  it("brings nothing back when word of an older change comes late", () => {
    const [one, other] = [open(), open()];
    one.queue.add(item("a"));
    const late = Object.assign(new Event("storage"), { key: KEY, oldValue: null, newValue: browser.values.get(KEY) });
    other.queue.remove("a");
    other.tab.dispatchEvent(late);
    assert.deepEqual(ids(other.queue), []);
    assert.equal(other.changes(), 2);
  });

  it("finds nothing that another tab has removed, though word of it has not come", () => {
    const [one, other] = [open(), open()];
    one.queue.add(item("a"));
    other.queue.stop();
    one.queue.remove("a");
    assert.deepEqual(ids(other.queue), ["a"]);
    assert.equal(other.queue.find("a"), undefined);
    other.queue.refresh();
    assert.deepEqual(ids(other.queue), []);
  });

  it("keeps in this tab what the browser does not store", () => {
    const queue = new Queue({ read: () => null, write: () => {} }, new EventTarget());
    queue.add(item("a"));
    queue.refresh();
    assert.equal(queue.find("a")?.content, "Text of a");
    queue.remove("a");
    assert.deepEqual(ids(queue), []);
  });

  for (const stored of [null, 7, {}, "x", [null], [{ id: 1 }], [{ ...item("a"), after: 3 }], [{ ...item("a"), content: undefined }]]) {
    it(`reads nothing from ${JSON.stringify(stored)}`, () => {
      const tab = browser.openTab();
      tab.write(KEY, stored);
      assert.deepEqual(new Queue(tab, tab).conversations, []);
    });
  }
});
