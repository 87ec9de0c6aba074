import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it, mock } from "node:test";

import { parseHTML } from "linkedom";

import { MarkdownText } from "../../../frontend/rendering/markdown-text.js";
import { TranscriptView } from "../../../frontend/rendering/transcript-view.js";
import { FrameBatcher } from "../../../frontend/ui/frame-batcher.js";

/** @typedef {import("../../../frontend/chat/presenting.js").Shown} Shown */

const PAGE = `<html><body><ol></ol><p class="words"></p><button></button><template><li class="message"><article>
  <div class="message-text"></div><div class="message-foot"><div class="status"><span class="status-text"></span><progress></progress></div>
  <time class="message-time"></time><div class="actions"></div></div><div class="offers"></div></article></li></template></body></html>`;

/** @param {number} count @param {string} [last] what the last one says so far */
function messages(count, last = "text") {
  return Array.from({ length: count }, (_, index) => shown(index, index === count - 1 ? last : "text", index === count - 1));
}

/** @param {number} index @param {string} text @param {boolean} isGrowing @returns {Shown} */
function shown(index, text, isGrowing) {
  const branch = { index: 1, count: 1 };
  return { id: String(index), role: "assistant", text, isGrowing, at: 0, thoughts: [],
    line: null, branch, actions: [], offers: [] };
}

describe("The transcript of a long conversation", () => {
  /** @type {(() => void)[]} */
  let frames;
  /** @type {(() => void)[]} what is to be done in the pauses between frames */
  let jobs;
  /** @type {TranscriptView} */
  let transcript;
  /** @type {any} */
  let list;

  beforeEach(() => {
    const window = parseHTML(PAGE);
    const { document } = window;
    Object.assign(globalThis, { document, HTMLElement: window.HTMLElement, MutationObserver: class { observe() {} disconnect() {} } });
    mock.method(performance, "now", () => 0); // on a busy machine a paint may take so long that the next ones are put off
    frames = [];
    jobs = [];
    const time = { now: 0 };
    const batcher = new FrameBatcher((paint) => frames.push(paint), () => {}, () => (time.now += 10));
    list = document.querySelector("ol");
    const [words, button, template] = ["p", "button", "template"].map((name) => document.querySelector(name));
    const elements = { list, welcome: words, loading: words, trouble: words, troubleTitle: words, troubleText: words,
      troubleButton: button, question: template, answer: template };
    const scroller = { start: () => {}, stop: () => {}, follow: () => {}, leave: () => {}, goToStart: () => {} };
    const near = { await: () => {}, forget: () => {}, stop: () => {} };
    const idle = { add: (/** @type {() => void} */ job) => jobs.push(job) };
    const menu = { start: () => {}, stop: () => {}, open: () => {} };
    transcript = new TranscriptView(
      .../** @type {ConstructorParameters<typeof TranscriptView>} */ (/** @type {unknown} */ ([elements, batcher, scroller, near, idle, menu, () => {}])),
    );
    transcript.start(/** @type {any} */ ({}));
  });

  afterEach(() => {
    mock.restoreAll();
    for (const name of ["document", "HTMLElement", "MutationObserver"]) Reflect.deleteProperty(globalThis, name);
  });

  const ids = () => [...list.children].map(({ dataset }) => dataset.message);
  const expected = (/** @type {number} */ from, /** @type {number} */ to) => messages(to).slice(from).map(({ id }) => id);
  const text = (/** @type {string} */ id) => list.querySelector(`[data-message="${id}"] .message-text`).textContent;

  function frame() {
    for (const paint of frames.splice(0)) paint();
  }

  it("has its end at once and the rest after some frames, in order", () => {
    transcript.show(messages(200));
    const first = ids().length;
    assert.ok(first > 4 && first < 100, `${first} messages at first`);
    assert.deepEqual(ids(), expected(200 - first, 200));
    frame();
    assert.equal(ids().length, first, "the end has a frame of its own");
    for (let count = 0; count < 10; count += 1) frame();
    assert.deepEqual(ids(), expected(0, 200));
    assert.equal(frames.length, 0);
    assert.deepEqual([...list.querySelectorAll(".is-last")].map(({ dataset }) => dataset.message), ["199"]);
  });

  describe("holds formulas back", () => {
    /** @type {boolean} */
    let isHeld;

    beforeEach(() => {
      isHeld = false;
      mock.method(MarkdownText, "holdPainting", (/** @type {boolean} */ held) => (isHeld = held));
      transcript.show(messages(200));
    });

    it("until all messages are on the page", () => {
      frame();
      assert.ok(isHeld);
      for (let count = 0; count < 10; count += 1) frame();
      assert.ok(!isHeld);
    });

    it("until the conversation is left", () => {
      assert.ok(isHeld);
      transcript.clear();
      assert.ok(!isHeld);
    });

    it("until the transcript is taken away", () => {
      assert.ok(isHeld);
      transcript.stop();
      assert.ok(!isHeld);
    });
  });

  describe("has a quiet moment for others", () => {
    const pause = () => jobs.shift()?.();

    it("in a pause once all messages are on the page", () => {
      const calls = /** @type {number[]} */ ([]);
      transcript.whenQuiet(() => calls.push(ids().length));
      transcript.show(messages(200));
      pause();
      assert.deepEqual(calls, [], "messages are missing");
      for (let count = 0; count < 10; count += 1) frame();
      assert.deepEqual(calls, [], "this is no pause");
      while (jobs.length > 0) pause();
      assert.deepEqual(calls, [200]);
    });

    it("in the next pause if no messages are missing", () => {
      let calls = 0;
      transcript.whenQuiet(() => (calls += 1));
      pause();
      assert.equal(calls, 1);
    });

    it("when the conversation is left before all its messages are on the page", () => {
      let calls = 0;
      transcript.show(messages(200));
      transcript.whenQuiet(() => (calls += 1));
      pause();
      transcript.clear();
      pause();
      assert.equal(calls, 1);
    });
  });

  describe("is rendered in the pauses between frames", () => {
    const rendered = () => [...list.querySelectorAll(".message:has(.markdown)")].map(({ dataset }) => dataset.message);
    const pause = () => jobs.shift()?.();

    it("once all is there, the newest message first", () => {
      transcript.show(messages(100));
      pause();
      assert.deepEqual(rendered(), expected(96, 100));
      for (let count = 0; count < 10; count += 1) frame();
      for (let count = 0; count < 3; count += 1) pause();
      assert.deepEqual(rendered(), expected(94, 100));
      assert.deepEqual([text("95"), text("94")], ["text", ""]);
      for (let count = 0; count < 200; count += 1) pause();
      assert.deepEqual(rendered(), expected(0, 100));
      assert.equal(jobs.length, 0);
    });

    it("a long message in several pauses", () => {
      const long = shown(0, "word ".repeat(1000), false);
      transcript.show([long, ...messages(6).slice(1)]);
      while (rendered().length < 6) pause();
      assert.ok((text("0") ?? "").length < 2000);
      let pauses = 0;
      while (jobs.length > 0 && pauses < 100) {
        pause();
        pauses += 1;
      }
      assert.ok(pauses >= 3, `${pauses} pauses`);
      assert.equal(text("0"), "word ".repeat(1000).trim());
    });

    it("no more where another conversation is opened", () => {
      transcript.show(messages(20));
      transcript.clear();
      pause();
      assert.deepEqual([rendered(), jobs.length], [[], 0]);
    });

    it("and at once where the page is printed, also what is still to come", () => {
      const long = shown(0, "word ".repeat(5000), false);
      transcript.show([long, ...messages(200).slice(1)]);
      transcript.prepareWhole();
      assert.deepEqual(rendered(), expected(0, 200));
      assert.equal(text("0"), "word ".repeat(5000).trim());
    });
  });

  describe("keeps the focus in the conversation", () => {
    /** @type {any[]} */
    let focused;

    beforeEach(() => {
      focused = [];
      const { prototype } = /** @type {any} */ (list).ownerDocument.defaultView.HTMLElement;
      mock.method(prototype, "focus", /** @this {any} */ function () {
        focused.push(this.closest(".message")?.dataset.message);
      });
    });

    /** @param {string} id the message that has the focus */
    function focus(id) {
      const active = list.querySelector(`[data-message="${id}"] article`);
      Object.defineProperty(document, "activeElement", { configurable: true, get: () => (active.isConnected ? active : document.body) });
    }

    it("where another answer comes into the place of the one that has it", () => {
      transcript.show(messages(4));
      focus("3");
      transcript.show([...messages(3), shown(9, "", true)]);
      assert.deepEqual(focused, ["9"]);
    });

    it("where the last messages are deleted", () => {
      transcript.show(messages(4));
      focus("2");
      transcript.show(messages(2));
      assert.deepEqual(focused, ["1"]);
    });

    it("and takes it from nowhere else", () => {
      transcript.show(messages(4));
      focus("1");
      transcript.show([...messages(3), shown(9, "", true)]);
      transcript.show(messages(3));
      assert.deepEqual(focused, []);
    });
  });

  it("takes nothing back of what is being written while the rest comes", () => {
    transcript.show(messages(200, "Once upon"));
    for (const word of [" a", " time", " there", " was", " one"]) {
      transcript.find("199")?.append(word);
      frame();
    }
    for (let count = 0; count < 5; count += 1) frame();
    assert.deepEqual(ids(), expected(0, 200));
    assert.equal(text("199"), "Once upon a time there was one");
  });

  it("has a message at once that is asked for", () => {
    transcript.show(messages(200));
    transcript.find("199")?.append(" more");
    /** @type {any} */ (list).ownerDocument.defaultView.Element.prototype.scrollIntoView = () => {};
    transcript.reveal("3");
    assert.deepEqual(ids(), expected(0, 200));
    frame();
    assert.equal(text("199"), "text more");
  });

  it("shows another conversation that is opened meanwhile, and nothing of the one before", () => {
    transcript.show(messages(200));
    transcript.clear();
    transcript.show(messages(50, "other"));
    for (let count = 0; count < 5; count += 1) frame();
    assert.deepEqual(ids(), expected(0, 50));
    assert.equal(text("49"), "other");
  });

  it("folds a thought as one, also when it was stopped in its middle and continued", () => {
    transcript.show(messages(1, "<think>\nHm, one"));
    const view = transcript.find("0");
    view?.comeNear();
    frame();
    view?.show(shown(0, "<think>\nHm, one", false));
    frame();
    view?.show(shown(0, "<think>\nHm, one", true));
    for (const piece of [" two", ".\n</thi", "nk>\n\nYes."]) {
      view?.append(piece);
      frame();
    }
    const folded = [...list.querySelectorAll("details p")].map(({ textContent }) => textContent);
    const said = [...list.querySelectorAll(".message-text > .markdown-body p")].map(({ textContent }) => textContent);
    assert.deepEqual([folded, said], [["Hm, one two."], ["Yes."]]);
  });

  it("shows what has changed meanwhile", () => {
    transcript.show(messages(200));
    frame();
    transcript.show(messages(201, "new"));
    for (let count = 0; count < 10; count += 1) frame();
    assert.deepEqual(ids(), expected(0, 201));
    assert.equal(text("200"), "new");
  });
});
