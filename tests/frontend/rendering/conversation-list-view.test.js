import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, it } from "node:test";

import { parseHTML } from "linkedom";

import { ApiError } from "../../../frontend/conversations/api-error.js";
import { ConversationListView } from "../../../frontend/rendering/conversation-list-view.js";

/** @typedef {import("../../../frontend/conversations/api.js").Found} Found */
/** @typedef {import("../../../frontend/conversations/library.js").Holdings} Holdings */

const PAGE = `<html><body><nav><div id="list"></div><p></p><button></button><div id="end"></div></nav></body></html>`;
const NOW = Date.now();

/** @param {string} id @param {Partial<Found>} [fields] @returns {Found} */
function found(id, fields = {}) {
  return { id, title: id, created_at: 0, updated_at: NOW, pinned: false, version: 1, writing: [], ...fields };
}

describe("The list of conversations", () => {
  /** @type {any} */
  let document;
  /** @type {ConversationListView} */
  let view;
  /** @type {string[]} titles of rows in the order in which they were scrolled into view */
  let scrolled;
  let isHidden = false;

  beforeEach(() => {
    const window = parseHTML(PAGE);
    ({ document } = window);
    scrolled = [];
    isHidden = false;
    Object.assign(globalThis, { document, HTMLElement: window.HTMLElement, IntersectionObserver: class { observe() {} disconnect() {} } });
    Object.assign(window.HTMLElement.prototype, {
      checkVisibility: () => !isHidden,
      /** @this {any} */
      scrollIntoView() {
        scrolled.push(this.querySelector(".row-title").textContent);
      },
      getBoundingClientRect: () => ({ top: 0, bottom: 0 }),
    });
    const [list, words, retry, end] = ["#list", "p", "button", "#end"].map((selector) => document.querySelector(selector));
    view = new ConversationListView(/** @type {any} */ ({ list, words, retry, end }), /** @type {any} */ ({ start: () => {}, stop: () => {} }));
    view.start(/** @type {any} */ ({}));
  });

  afterEach(() => {
    for (const name of ["document", "HTMLElement", "IntersectionObserver"]) Reflect.deleteProperty(globalThis, name);
  });

  /** @param {Found[]} conversations @param {Partial<Holdings>} [fields] */
  function show(conversations, fields = {}) {
    view.show({ phase: "ready", error: null, query: "", conversations, hasMore: false, ...fields });
  }

  const times = () => [...document.querySelectorAll(".row-time")].map(({ textContent }) => textContent);

  it("says when each was used last", () => {
    show([found("a", { updated_at: new Date(2001, 10, 12).getTime() })]);
    assert.deepEqual(times(), ["12 Nov 2001"]);
  });

  it("tells rows of one title apart", () => {
    const at = new Date(2001, 10, 12, 14, 5);
    show([found("a", { title: "" }), found("b", { title: "" })].map((each, minute) => ({ ...each, updated_at: at.getTime() + minute * 60_000 })));
    assert.deepEqual(times(), ["12 Nov 2001, 14:05", "12 Nov 2001, 14:06"]);
  });

  it("says what will be here, that nothing was found, and why it can't be read", () => {
    const words = () => document.querySelector("p").textContent;
    show([]);
    assert.equal(words(), "Your chats will appear here.");
    show([], { query: "walrus" });
    assert.equal(words(), "No results for “walrus”");
    show([], { phase: "failed", error: new ApiError("The server can't be reached.", { isTemporary: true }) });
    assert.equal(words(), "Couldn't load your chats. The server can't be reached.");
    show([], { phase: "failed", error: new ApiError("conversations: q has 2000 characters", { status: 400, code: "invalid_field" }) });
    assert.equal(words(), "Couldn't load your chats. One of the values isn't valid.");
  });

  it("scrolls to a new chat's row as soon as it is there", () => {
    show([found("a")]);
    view.mark("new");
    assert.deepEqual(scrolled, []);
    show([found("new"), found("a")]);
    assert.deepEqual(scrolled, ["new"]);
  });

  it("scrolls to the chat that is opened, once", () => {
    show([found("a"), found("b")]);
    view.mark("b");
    view.mark("b");
    show([found("a"), found("b")]);
    assert.deepEqual(scrolled, ["b"]);
  });

  it("scrolls to a row that came back, and leaves the open one alone", () => {
    show([found("a"), found("b")]);
    view.mark("a");
    view.reveal("c");
    show([found("a"), found("b"), found("c")]);
    assert.deepEqual(scrolled, ["a", "c"]);
  });

  it("scrolls to the open chat when the list is shown after having been hidden", () => {
    isHidden = true;
    show([found("a"), found("b")]);
    view.mark("b");
    assert.deepEqual(scrolled, []);
    isHidden = false;
    view.shown();
    assert.deepEqual(scrolled, ["b"]);
  });
});
