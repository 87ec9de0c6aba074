import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { PrintObserver } from "../../../frontend/rendering/print-observer.js";

/** A window that can be printed. */
class PrintedWindow extends EventTarget {
  media = new EventTarget();

  /** @param {string} query */
  matchMedia(query) {
    assert.equal(query, "print");
    return this.media;
  }

  /** @param {boolean} matches */
  layOut(matches) {
    this.media.dispatchEvent(Object.assign(new Event("change"), { matches }));
  }
}

describe("The observer of printing", () => {
  it("notices that the page is about to be printed, or laid out for paper", () => {
    const page = new PrintedWindow();
    let began = 0;
    const observer = new PrintObserver(/** @type {any} */ (page));
    observer.start(() => (began += 1));
    page.dispatchEvent(new Event("beforeprint"));
    assert.equal(began, 1);
    page.layOut(true);
    assert.equal(began, 2);
    page.layOut(false);
    page.dispatchEvent(new Event("afterprint"));
    assert.equal(began, 2);
    observer.stop();
    page.dispatchEvent(new Event("beforeprint"));
    page.layOut(true);
    assert.equal(began, 2);
  });
});
