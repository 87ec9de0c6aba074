import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";

import { parseHTML } from "linkedom";

import { ChoiceList } from "../../../frontend/ui/choice-list.js";
import { givePopovers } from "./fake-popover.js";

const GROUPS = [
  { label: "Fruit", choices: [{ value: "apple", name: "Apple", facts: "red" }, { value: "pear", name: "Pear", facts: "green", note: "Sold out.", isDisabled: true }] },
  { label: "Nothing", choices: [] },
  { label: "Trees", choices: [{ value: "oak", name: "Oak", facts: "", words: "Eiche" }, { value: "pine", name: "Pine", facts: "green" }] },
];

describe("A list of choices", () => {
  const { document, window } = parseHTML("<html><body></body></html>");
  /** @type {ChoiceList} */
  let list;
  /** @type {HTMLButtonElement} */
  let button;
  /** @type {string[]} */
  let chosen;

  before(() => {
    givePopovers(window);
    Object.assign(globalThis, { document, window, Element: window.Element, HTMLElement: window.HTMLElement, Node: window.Node, matchMedia: () => ({ matches: false }) });
  });
  after(() => {
    for (const name of ["document", "window", "Element", "HTMLElement", "Node", "matchMedia"]) Reflect.deleteProperty(globalThis, name);
  });

  beforeEach(() => {
    document.body.replaceChildren();
    button = document.createElement("button");
    button.id = "picker";
    document.body.append(button);
    chosen = [];
    list = new ChoiceList(button, { title: "Things", search: "Find a thing", none: "Nothing matches." });
    list.start({ chosen: (value) => void chosen.push(value) });
    list.show(GROUPS, "oak");
    press("ArrowDown", button);
  });

  const one = (/** @type {string} */ selector) => /** @type {HTMLElement} */ (document.querySelector(selector));
  const field = () => /** @type {HTMLInputElement} */ (one(".chooser-field"));
  const isOpen = () => one(".chooser").matches(":popover-open");
  const visible = () => [...document.querySelectorAll(".chooser-option")].filter((option) => !(/** @type {HTMLElement} */ (option).hidden)).map((option) => /** @type {HTMLElement} */ (option).dataset["value"]);
  const active = () => /** @type {HTMLElement | null} */ (document.getElementById(field().getAttribute("aria-activedescendant") ?? ""))?.dataset["value"];

  /**
   * @param {string} key
   * @param {HTMLElement} [target]
   */
  function press(key, target = field()) {
    const event = Object.assign(new window.Event("keydown", { bubbles: true, cancelable: true }), { key, isComposing: false, keyCode: 0 });
    target.dispatchEvent(event);
    return event;
  }

  /** @param {string} text */
  function type(text) {
    field().value = text;
    field().dispatchEvent(new window.Event("input"));
  }

  it("shows its groups, the empty ones not, with the selected choice active", () => {
    assert.deepEqual([...document.querySelectorAll(".chooser-label")].map(({ textContent }) => textContent), ["Fruit", "Trees"]);
    assert.deepEqual([...document.querySelectorAll('[aria-selected="true"]')].map((option) => option.querySelector(".chooser-name")?.textContent), ["Oak"]);
    assert.deepEqual([active(), button.ariaExpanded], ["oak", "true"]);
    assert.equal(one('[data-value="pear"]').textContent, "Pear green Sold out.");
  });

  it("filters by all words, in names, facts and further words, whatever their case and accents", () => {
    for (const [text, found, first] of /** @type {const} */ ([["GREEN", ["pear", "pine"], "pine"], ["gre pi", ["pine"], "pine"], ["eíche", ["oak"], "oak"], ["", ["apple", "pear", "oak", "pine"], "oak"]])) {
      type(text);
      assert.deepEqual([visible(), active()], [found, first], text);
    }
    type("pear");
    assert.deepEqual([[...document.querySelectorAll(".chooser-group")].map((group) => /** @type {HTMLElement} */ (group).hidden), one(".chooser-said").textContent], [[false, true], "1 of 4"]);
    type("plum");
    assert.deepEqual([visible(), active(), one(".chooser-said").textContent], [[], undefined, "Nothing matches."]);
    press("Enter");
    assert.deepEqual([chosen, isOpen()], [[], true]);
  });

  it("moves by keys, round both ends, and over those that are filtered out", () => {
    const moves = [["ArrowDown", "pine"], ["ArrowDown", "apple"], ["ArrowUp", "pine"], ["Home", "apple"], ["ArrowDown", "pear"], ["End", "pine"]];
    for (const [key, expected] of moves) {
      assert.ok(press(key ?? "").defaultPrevented);
      assert.equal(active(), expected, key);
    }
    type("green");
    press("ArrowDown");
    assert.equal(active(), "pear");
    assert.equal(press("a").defaultPrevented, false);
  });

  it("chooses with Enter or a click, and closes first", () => {
    press("ArrowDown");
    press("Enter");
    assert.deepEqual([chosen, isOpen(), button.ariaExpanded], [["pine"], false, "false"]);
    press("ArrowUp", button);
    one('[data-value="apple"] .chooser-name').dispatchEvent(new window.Event("click", { bubbles: true }));
    assert.deepEqual([chosen, isOpen()], [["pine", "apple"], false]);
  });

  it("doesn't choose a disabled one, which can be read", () => {
    press("Home");
    press("ArrowDown");
    press("Enter");
    one('[data-value="pear"]').dispatchEvent(new window.Event("click", { bubbles: true }));
    assert.deepEqual([active(), one('[data-value="pear"]').getAttribute("aria-disabled"), chosen, isOpen()], ["pear", "true", [], true]);
  });

  it("closes with Escape, which stops nothing else, and when the focus leaves it", () => {
    let reached = 0;
    document.addEventListener("keydown", () => (reached += 1));
    press("Escape");
    assert.deepEqual([isOpen(), reached, chosen], [false, 0, []]);
    press("ArrowDown", button);
    const leave = (/** @type {Element} */ relatedTarget) => field().dispatchEvent(Object.assign(new window.Event("focusout", { bubbles: true }), { relatedTarget }));
    leave(one(".chooser-list"));
    assert.equal(isOpen(), true);
    leave(document.body);
    assert.equal(isOpen(), false);
  });

  it("leaves the keys of an input method alone", () => {
    const event = Object.assign(new window.Event("keydown", { bubbles: true, cancelable: true }), { key: "Enter", isComposing: true, keyCode: 229 });
    field().dispatchEvent(event);
    assert.deepEqual([chosen, event.defaultPrevented], [[], false]);
  });

  it("keeps its filter and the active choice when the choices change while it is open", () => {
    type("green");
    press("ArrowUp");
    assert.equal(active(), "pear");
    const before = one('[data-value="pear"]');
    list.show(structuredClone(GROUPS), "oak");
    assert.equal(one('[data-value="pear"]'), before);
    list.show([{ label: "Fruit", choices: [{ value: "lime", name: "Lime", facts: "green" }, { value: "pear", name: "Pear", facts: "green" }] }], "lime");
    assert.deepEqual([visible(), active()], [["lime", "pear"], "pear"]);
    press("Escape");
    press("ArrowDown", button);
    assert.deepEqual([field().value, active()], ["", "lime"]);
  });
});
