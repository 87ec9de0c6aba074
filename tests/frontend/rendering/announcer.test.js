import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";

import { Announcer } from "../../../frontend/rendering/announcer.js";
import { FakeClock } from "../fake-clock.js";

/** As much of an element as the announcer needs. */
class FakeElement {
  textContent = "";
  /** @type {FakeElement[]} */
  children = [];
  /** @type {string[]} all that was ever added */
  heard = [];

  get childElementCount() {
    return this.children.length;
  }

  get firstElementChild() {
    return { remove: () => this.children.shift() };
  }

  /** @param {FakeElement} child */
  append(child) {
    this.children.push(child);
    this.heard.push(child.textContent);
  }
}

describe("Announcer", () => {
  const original = globalThis.document;
  let isHidden = false;
  /** @type {FakeElement} */
  let region;
  /** @type {FakeClock} */
  let clock;
  /** @type {Announcer} */
  let announcer;

  before(() => Object.assign(globalThis, { document: { createElement: () => new FakeElement() } }));
  after(() => Object.assign(globalThis, { document: original }));

  beforeEach(() => {
    isHidden = false;
    region = new FakeElement();
    clock = new FakeClock();
    announcer = new Announcer(/** @type {any} */ (region), clock, () => isHidden);
  });

  /** Lets the time pass in which sentences are gathered. */
  function gather() {
    clock.advance(60_000);
  }

  it("says states at once", () => {
    announcer.say("Answer started");
    assert.deepEqual(region.heard, ["Answer started"]);
  });

  it("gathers whole sentences and says each once", () => {
    for (const token of ["One ", "sentence. ", "Two", ". Th"]) announcer.wrote(token);
    assert.deepEqual(region.heard, []);
    gather();
    announcer.wrote("ree");
    gather();
    announcer.wrote(". ");
    gather();
    assert.deepEqual(region.heard, ["One sentence. Two.", "Three."]);
    assert.equal(clock.timerCount, 0);
  });

  it("waits no longer because more is written", () => {
    announcer.wrote("One. ");
    for (let step = 0; step < 100; step += 1) {
      announcer.wrote("More. ");
      clock.advance(100);
    }
    assert.ok(region.heard.length >= 5);
  });

  it("says the rest when the answer has ended, and then so", () => {
    announcer.wrote("One. And the re");
    announcer.wrote("st");
    announcer.ended("Answer finished");
    gather();
    assert.deepEqual(region.heard, ["One. And the rest Answer finished"]);
  });

  it("says of thinking only that there is some, and no mark of it", () => {
    const answers = ["<think>\nHm, one. Two.\n</think>\n\nYes. ", "<|channel|>analysis<|message|>Hm. So.<|end|><|start|>assistant<|channel|>final<|message|>Yes. "];
    for (const answer of answers) {
      for (const character of answer) announcer.wrote(character);
      announcer.ended("Answer finished");
    }
    gather();
    assert.deepEqual(region.heard, Array(2).fill("Thinking. Yes. Answer finished"));
  });

  it("leaves the sentence whole where something else is said in its middle", () => {
    announcer.wrote("The half of ");
    announcer.say("Connection lost, reconnecting");
    announcer.wrote("it. ");
    gather();
    assert.deepEqual(region.heard, ["Connection lost, reconnecting", "The half of it."]);
  });

  it("says nothing while the page is hidden, and afterwards only how things stand", () => {
    isHidden = true;
    announcer.wrote("Unheard. ");
    gather();
    announcer.say("Connection lost, reconnecting");
    announcer.ended("Answer finished");
    assert.deepEqual(region.heard, []);
    isHidden = false;
    announcer.shown();
    announcer.shown();
    assert.deepEqual(region.heard, ["Answer finished"]);
  });

  it("forgets what is not shown any more", () => {
    announcer.wrote("One. Two");
    announcer.forget();
    announcer.wrote("Three. ");
    gather();
    assert.deepEqual(region.heard, ["Three."]);
  });

  it("keeps few announcements on the page", () => {
    for (const state of "abcdefgh") announcer.say(state);
    assert.deepEqual(region.children.map(({ textContent }) => textContent), ["f", "g", "h"]);
  });
});
