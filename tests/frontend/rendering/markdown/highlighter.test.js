import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";

import { Highlighter } from "../../../../frontend/rendering/markdown/highlighter.js";
import { IdleQueue } from "../../../../frontend/rendering/markdown/idle-queue.js";
import { installDocument, removeDocument } from "../rendered.js";

/** @typedef {import("../../../../frontend/rendering/markdown/highlighter.js").WorkerLike} WorkerLike */

/** @implements {WorkerLike} */
class FakeWorker {
  /** @type {any[]} */
  asked = [];
  isTerminated = false;
  /** @type {WorkerLike["onmessage"]} */
  onmessage = null;
  /** @type {WorkerLike["onerror"]} */
  onerror = null;

  /** @param {object} message */
  postMessage(message) {
    this.asked.push(message);
  }

  terminate() {
    this.isTerminated = true;
  }
}

describe("Highlighter", () => {
  /** @type {FakeWorker[]} */
  let workers;
  /** @type {Highlighter} */
  let highlighter;
  let works = true;

  before(installDocument);
  after(removeDocument);

  beforeEach(() => {
    workers = [];
    works = true;
    highlighter = new Highlighter(new IdleQueue((then) => then({ timeRemaining: () => 50 })), () => {
      if (!works) throw new Error("no worker here");
      const worker = new FakeWorker();
      workers.push(worker);
      return worker;
    });
  });

  /** @param {string[]} chunks */
  function code(...chunks) {
    const element = document.createElement("code");
    for (const text of chunks) {
      const chunk = document.createElement("span");
      chunk.append(text);
      element.append(chunk);
    }
    document.body.append(element);
    return element;
  }

  it("colours chunk by chunk, also where a colour goes over the end of one", () => {
    const element = code("let\nx", "y = 1");
    highlighter.paint(element, "js");
    assert.deepEqual(workers[0]?.asked, [{ text: "let\nxy = 1", language: "js" }]);
    workers[0]?.onmessage?.({ data: [["let", "hljs-keyword"], ["\n", ""], ["xy", "hljs-title"], [" = 1", ""]] });
    assert.deepEqual([...element.children].map(({ innerHTML }) => innerHTML), [
      '<span class="hljs-keyword">let</span>\n<span class="hljs-title">x</span>',
      '<span class="hljs-title">y</span> = 1',
    ]);
  });

  it("asks for one after the other and leaves what it doesn't know as it is", () => {
    const [one, two] = [code("one"), code("two")];
    highlighter.paint(one, "x");
    highlighter.paint(two, "y");
    assert.equal(workers[0]?.asked.length, 1);
    workers[0]?.onmessage?.({ data: null });
    assert.deepEqual(workers[0]?.asked.map(({ text }) => text), ["one", "two"]);
    workers[0]?.onmessage?.({ data: null });
    assert.deepEqual([one.textContent, two.textContent, workers.length], ["one", "two", 1]);
  });

  it("colours code that comes onto the page only after it was asked to", () => {
    /** @type {(() => void)[]} */
    const pauses = [];
    const worker = new FakeWorker();
    const patient = new Highlighter(new IdleQueue((then) => pauses.push(() => then({ timeRemaining: () => 50 }))), () => worker);
    const element = code("x");
    element.remove();
    patient.paint(element, "js");
    document.body.append(element);
    pauses.shift()?.();
    assert.deepEqual(worker.asked, [{ text: "x", language: "js" }]);
  });

  it("leaves long code alone", () => {
    highlighter.paint(code("x".repeat(30_001)), "js");
    assert.equal(workers.length, 0);
  });

  it("gives up after three failures", () => {
    for (let count = 0; count < 5; count += 1) highlighter.paint(code("x"), "js");
    for (const count of [0, 1, 2]) workers[count]?.onerror?.(new Event("error"));
    assert.deepEqual(workers.map(({ isTerminated }) => isTerminated), [true, true, true]);
    highlighter.paint(code("x"), "js");
    assert.equal(workers.length, 3);
  });

  it("does without where there can be no worker", () => {
    works = false;
    highlighter.paint(code("x"), "js");
    assert.equal(document.body.lastElementChild?.textContent, "x");
  });
});
