import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";

import { Shortcuts } from "../../frontend/shortcuts.js";

describe("Shortcuts", () => {
  const original = globalThis.Element;
  /** @type {EventTarget} */
  let target;
  /** @type {string[]} */
  let done;

  before(() => Object.assign(globalThis, { Element: class {} }));
  after(() => Object.assign(globalThis, { Element: original }));

  beforeEach(() => {
    target = new EventTarget();
    done = [];
  });

  /** @param {boolean} isMac */
  function shortcuts(isMac) {
    const made = new Shortcuts(target, isMac);
    made.add(
      { label: "Send", keys: "Enter" },
      { label: "Search", keys: "Mod+K", act: () => void done.push("search") },
      { label: "New", keys: "Mod+Shift+O", act: () => void done.push("new") },
      { label: "Never", keys: "Escape", act: () => false },
      { label: "Stop", keys: "Escape", act: () => void done.push("stop") },
      { label: "Help", keys: "?", act: () => void done.push("help") },
      { label: "Left", keys: "ArrowLeft", act: () => void done.push("left") },
    );
    made.start();
    return made;
  }

  /** @param {Partial<KeyboardEvent>} fields */
  function press(fields) {
    const event = new Event("keydown", { cancelable: true });
    const keys = { ctrlKey: false, metaKey: false, shiftKey: false, altKey: false, isComposing: false, keyCode: 0, ...fields };
    target.dispatchEvent(Object.assign(event, keys));
    return event.defaultPrevented;
  }

  it("carries out what was pressed, with Ctrl, or with Cmd on a Mac", () => {
    shortcuts(false);
    assert.equal(press({ key: "k", ctrlKey: true }), true);
    assert.equal(press({ key: "O", ctrlKey: true, shiftKey: true }), true);
    assert.equal(press({ key: "k", metaKey: true }), false);
    assert.deepEqual(done, ["search", "new"]);
    target = new EventTarget();
    shortcuts(true);
    press({ key: "k", metaKey: true });
    press({ key: "k", ctrlKey: true });
    assert.deepEqual(done, ["search", "new", "search"]);
  });

  it("takes keys exactly, but for the Shift that a sign needs", () => {
    shortcuts(false);
    for (const fields of [{ key: "k" }, { key: "K", ctrlKey: true, shiftKey: true }, { key: "ArrowLeft", altKey: true }]) {
      assert.equal(press(fields), false);
    }
    press({ key: "?", shiftKey: true });
    press({ key: "?" });
    assert.deepEqual(done, ["help", "help"]);
  });

  it("goes on to the next where one declines", () => {
    shortcuts(false);
    press({ key: "Escape" });
    assert.deepEqual(done, ["stop"]);
  });

  it("leaves alone what was taken before, and what an input method uses", () => {
    target.addEventListener("keydown", (event) => event.preventDefault(), { once: true });
    shortcuts(false);
    press({ key: "Escape" });
    assert.equal(press({ key: "Escape", isComposing: true }), false);
    assert.deepEqual(done, []);
  });

  it("lists all of them as they are called here", () => {
    assert.deepEqual(shortcuts(false).table.slice(0, 4).map(({ label, keys }) => [label, keys]), [
      ["Send", ["Enter"]], ["Search", ["Ctrl", "K"]], ["New", ["Ctrl", "Shift", "O"]], ["Never", ["Esc"]],
    ]);
    assert.deepEqual(new Shortcuts(target, true).table, []);
  });
});
