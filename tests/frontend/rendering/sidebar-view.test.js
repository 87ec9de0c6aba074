import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";

import { parseHTML } from "linkedom";

import { KEY, SidebarView } from "../../../frontend/rendering/sidebar-view.js";

const PAGE = `<html><body><aside id="sidebar"><button id="close"></button><input id="search"><button id="clear" hidden></button>
  <a class="log-out" href="/logout"></a></aside><div id="scrim"></div><div id="rest"><button id="open"></button></div></body></html>`;

describe("The sidebar", () => {
  /** @type {any} */
  let window;
  /** @type {any} */
  let document;
  /** @type {Map<string, unknown>} */
  let kept;
  /** @type {() => void} */
  let resized;
  /** @type {SidebarView} */
  let view;
  /** @type {string[]} */
  let told;

  beforeEach(() => {
    window = parseHTML(PAGE);
    ({ document } = window);
    [kept, told] = [new Map(), []];
    Object.assign(globalThis, {
      document,
      ResizeObserver: class {
        /** @param {() => void} happened */
        constructor(happened) {
          resized = happened;
        }
        observe() {}
        disconnect() {}
      },
    });
    let focused = document.body;
    Object.defineProperty(document, "activeElement", { get: () => focused, configurable: true });
    /** @this {any} */
    window.HTMLElement.prototype.focus = function () {
      focused = this;
    };
  });

  afterEach(() => {
    for (const name of ["document", "ResizeObserver"]) Reflect.deleteProperty(globalThis, name);
  });

  /** @param {string} room as first-paint.js names it */
  const setRoom = (room) => document.documentElement.setAttribute("data-room", room);
  const part = (/** @type {string} */ id) => document.getElementById(id);

  /** A page of this browser. */
  function start() {
    const [sidebar, scrim, rest, openButton, closeButton, search, clearButton] = ["sidebar", "scrim", "rest", "open", "close", "search", "clear"].map(part);
    const storage = { read: (/** @type {string} */ key) => kept.get(key) ?? null, write: (/** @type {string} */ key, /** @type {unknown} */ value) => kept.set(key, value) };
    view = new SidebarView(/** @type {any} */ ({ sidebar, scrim, rest, openButton, closeButton, search, clearButton }), storage);
    view.start({ sidebarSearched: (text) => told.push(`searched ${text}`), sidebarShown: () => told.push("shown") });
  }

  const isShown = () => !part("sidebar").inert;
  const focus = () => document.activeElement.id;
  const click = (/** @type {string} */ id) => part(id).dispatchEvent(new window.Event("click"));

  it("is open beside the chat until it is hidden, and stays hidden in the next page of this browser", () => {
    start();
    assert.deepEqual([isShown(), document.documentElement.dataset.sidebar], [true, "open"]);
    click("close");
    assert.deepEqual([isShown(), document.documentElement.dataset.sidebar, kept.get(KEY)], [false, "collapsed", "collapsed"]);
    start();
    assert.equal(isShown(), false);
    click("open");
    start();
    assert.equal(isShown(), true);
  });

  it("leaves the focus on the button that undoes it, and says so to those who listen", () => {
    start();
    click("close");
    assert.deepEqual([focus(), part("open").ariaExpanded, part("close").ariaExpanded], ["open", "false", "false"]);
    click("open");
    assert.deepEqual([focus(), part("open").ariaExpanded, part("close").ariaExpanded], ["close", "true", "true"]);
  });

  it("leaves the focus alone when a key hides it, unless it was in there", () => {
    start();
    part("rest").focus();
    view.toggle();
    view.toggle();
    assert.deepEqual([focus(), isShown()], ["rest", true]);
    part("search").focus();
    view.toggle();
    assert.deepEqual([focus(), isShown()], ["open", false]);
  });

  it("comes back for a search", () => {
    part("search").select = () => {};
    start();
    view.toggle();
    view.search();
    assert.deepEqual([isShown(), focus()], [true, "search"]);
  });

  it("is a drawer where there is no room, whatever was chosen beside the chat", () => {
    setRoom("drawer cover");
    start();
    assert.deepEqual([isShown(), part("sidebar").inert, part("rest").inert], [false, true, false]);
    view.toggle();
    assert.deepEqual([isShown(), part("sidebar").inert, part("rest").inert, part("scrim").hidden, focus()], [true, false, true, false, "close"]);
    click("scrim");
    assert.deepEqual([isShown(), part("scrim").hidden, focus(), kept.size], [false, true, "open", 0]);
    setRoom("cover");
    resized();
    assert.equal(isShown(), true);
  });

  it("is never an open drawer on a page that has just become narrow", () => {
    start();
    assert.equal(part("sidebar").dataset.open, "false");
    setRoom("drawer");
    resized();
    view.open();
    assert.equal(part("sidebar").dataset.open, "true");
    setRoom("");
    resized();
    assert.deepEqual([part("sidebar").dataset.open, isShown(), part("rest").inert], ["false", true, false]);
  });

  it("closes as a drawer when a chat is chosen, and stays beside the chat", () => {
    start();
    view.close();
    assert.equal(isShown(), true);
    setRoom("drawer");
    resized();
    view.open();
    view.close();
    assert.equal(isShown(), false);
  });

  it("tells when it is shown after having been hidden", () => {
    start();
    view.toggle();
    resized();
    view.toggle();
    resized();
    assert.deepEqual(told, ["shown", "shown"]);
  });

  it("has a button that empties the search, while there is one", () => {
    start();
    const search = part("search");
    search.value = "owl";
    search.dispatchEvent(new window.Event("input"));
    assert.equal(part("clear").hidden, false);
    click("clear");
    assert.deepEqual([search.value, part("clear").hidden, focus()], ["", true, "search"]);
    assert.deepEqual(told.filter((each) => each !== "shown"), ["searched owl", "searched "]);
  });
});
