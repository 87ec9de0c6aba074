import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it, mock } from "node:test";

import { parseHTML } from "linkedom";

import { ComparisonView } from "../../../frontend/rendering/comparison-view.js";
import { FrameBatcher } from "../../../frontend/ui/frame-batcher.js";

/** @typedef {import("../../../frontend/chat/presenting-columns.js").Column} Column */

/** @param {string} id @param {Partial<Column> & {text?: string}} [fields] @returns {Column} */
function column(id, { text = `Text of ${id}`, isWriting = true, ...fields } = {}) {
  const shown = { id, role: /** @type {const} */ ("assistant"), text, isGrowing: isWriting, at: 0, thoughts: [], line: null, branch: { index: 1, count: 1 }, actions: [], offers: [] };
  return { shown, label: `Answer ${id}`, isSelected: false, isWriting, isStopping: false, mayBeKept: true, ...fields };
}

describe("The view of answers that are compared", () => {
  /** @type {HTMLElement} */
  let section;
  /** @type {ComparisonView} */
  let view;
  /** @type {string[]} */
  let acted;
  /** @type {(() => void)[]} */
  let frames;
  /** @type {any} */
  let window;

  beforeEach(() => {
    window = parseHTML('<html><body><section hidden></section></body></html>');
    const { document } = window;
    Object.assign(globalThis, { document, HTMLElement: window.HTMLElement });
    frames = [];
    mock.method(performance, "now", () => 0);
    section = document.querySelector("section");
    view = new ComparisonView(section, new FrameBatcher((paint) => frames.push(paint), () => {}, () => 0), { openFile: () => {}, openMenu: () => {} }, () => /** @type {any} */ ({}));
    acted = [];
    view.start({
      columnSelected: (id) => acted.push(`select ${id}`),
      columnStopped: (id) => acted.push(`stop ${id}`),
      columnKept: (id) => acted.push(`keep ${id}`),
    });
  });

  afterEach(() => {
    view.stop();
    mock.restoreAll();
    for (const name of ["document", "HTMLElement"]) Reflect.deleteProperty(globalThis, name);
  });

  const tabs = () => [.../** @type {any} */ (section).querySelectorAll("[role=tab]")];
  const panels = () => [.../** @type {any} */ (section).querySelectorAll("[role=tabpanel]")];

  /** @param {string} name */
  const button = (name) => [...section.querySelectorAll("button")].find((each) => each.getAttribute("aria-label") === name || each.ariaLabel === name) ?? assert.fail(`no button ${name}`);

  /** @param {string} key */
  function press(key) {
    const event = Object.assign(new window.Event("keydown", { bubbles: true, cancelable: true }), { key });
    section.querySelector("[role=tablist]")?.dispatchEvent(event);
    return event.defaultPrevented;
  }

  it("is hidden while there are none", () => {
    view.show([column("a"), column("b")]);
    assert.equal(section.hidden, false);
    view.show([]);
    assert.deepEqual([section.hidden, panels().length, view.find("a")], [true, 0, undefined]);
  });

  it("has a tab and a panel for each, which name each other", () => {
    view.show([column("a", { isSelected: true }), column("b")]);
    assert.deepEqual(tabs().map((tab) => tab.textContent), ["Answer a", "Answer b"]);
    assert.deepEqual(tabs().map((tab) => tab.getAttribute("aria-controls")), panels().map(({ id }) => id));
    assert.deepEqual(panels().map((panel) => panel.getAttribute("aria-labelledby")), tabs().map(({ id }) => id));
    assert.deepEqual(panels().map((panel) => panel.querySelector(".message-text").textContent), ["Text of a", "Text of b"]);
  });

  it("has one tab in the order of the keyboard: the selected one", () => {
    view.show([column("a"), column("b", { isSelected: true }), column("c")]);
    assert.deepEqual(tabs().map((tab) => tab.getAttribute("aria-selected")), ["false", "true", "false"]);
    assert.deepEqual(tabs().map((tab) => tab.getAttribute("tabindex")), ["-1", "0", "-1"]);
  });

  it("moves among the tabs with the arrow keys, Home and End", () => {
    view.show([column("a"), column("b", { isSelected: true }), column("c")]);
    for (const key of ["ArrowLeft", "ArrowRight", "Home", "End"]) assert.equal(press(key), true);
    assert.deepEqual(acted, ["select a", "select c", "select a", "select c"]);
    view.show([column("a", { isSelected: true }), column("b")]);
    acted = [];
    press("ArrowLeft");
    assert.deepEqual(acted, ["select b"]);
    assert.equal(press("a"), false);
  });

  it("stops, keeps and selects", () => {
    view.show([column("a"), column("b")]);
    button("Stop Answer b").click();
    button("Keep this one: Answer a").click();
    tabs()[1].click();
    assert.deepEqual(acted, ["stop b", "keep a", "select b"]);
  });

  it("offers Stop only while the answer is being written, and to keep only what the server has", () => {
    view.show([column("a", { isWriting: false }), column("b", { isStopping: true, mayBeKept: false })]);
    assert.deepEqual([button("Stop Answer a").hidden, button("Stop Answer b").hidden, button("Stop Answer b").disabled], [true, false, true]);
    assert.deepEqual([button("Keep this one: Answer a").disabled, button("Keep this one: Answer b").disabled], [false, true]);
  });

  it("keeps the elements of an answer that stays, in their order", () => {
    view.show([column("a"), column("b"), column("c")]);
    const [first, , third] = panels();
    view.find("a")?.append(" and more");
    view.show([column("c"), column("a", { text: "Text of a and more" })]);
    assert.deepEqual(panels(), [third, first]);
    for (const paint of frames.splice(0)) paint();
    assert.equal(first.querySelector(".message-text").textContent, "Text of a and more");
  });
});
