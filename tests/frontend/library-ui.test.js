import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { ApiError } from "../../frontend/conversations/api.js";
import { MOST_BYTES } from "../../frontend/conversations/importing.js";
import { LibraryUI } from "../../frontend/library-ui.js";

/** @typedef {import("../../frontend/conversations/api.js").Imported} Imported */
/** @typedef {import("../../frontend/rendering/toast-view.js").Toast} Toast */

/** @type {Imported} */
const NOTHING = { imported: [], skipped: [] };

describe("The import of files", () => {
  /** @type {Toast[]} */
  let toasts;
  /** @type {[string, string][]} what was sent, and as what */
  let sent;
  /** @type {(() => Promise<Imported>)[]} what the server does, one after the other */
  let answers;
  /** @type {LibraryUI} */
  let ui;

  beforeEach(() => {
    [toasts, sent, answers] = [[], [], []];
    const api = {
      import: async (/** @type {File} */ body, /** @type {string} */ type) => {
        sent.push([body.name, type]);
        return (answers.shift() ?? (async () => NOTHING))();
      },
    };
    const parts = { api, toasts: { show: (/** @type {Toast} */ toast) => toasts.push(toast) } };
    ui = new LibraryUI(/** @type {any} */ (parts));
  });

  /** @param {string} name */
  const file = (name) => new File(["x"], name);
  /** @param {string} message @param {{code?: string, status?: number, isTemporary?: boolean}} facts */
  const refuses = (message, facts) => async () => {
    throw new ApiError(message, facts);
  };

  it("says what a file is that is no chat export, and offers no retry", async () => {
    answers = [refuses("not a chat export: this is a PDF", { code: "bad_json", status: 400 })];
    await ui.filesChosen([file("bad.pdf")]);
    assert.deepEqual(toasts, [{ text: "Couldn't import bad.pdf: this is a PDF, not a chat export.", tone: "bad" }]);
  });

  it("offers a retry where the server may take the file later", async () => {
    answers = [refuses("The server can't be reached.", { isTemporary: true })];
    await ui.filesChosen([file("good.json")]);
    assert.equal(toasts[0]?.action?.label, "Try again");
    toasts[0]?.action?.act();
    assert.deepEqual(sent, [["good.json", "application/json"], ["good.json", "application/json"]]);
  });

  it("sends no file that is too large", async () => {
    const large = file("large.zip");
    Object.defineProperty(large, "size", { value: MOST_BYTES + 1 });
    await ui.filesChosen([large]);
    assert.deepEqual(sent, []);
    assert.deepEqual(toasts, [{ text: "Couldn't import large.zip: it is larger than 64 MiB.", tone: "bad" }]);
  });

  it("sends one file after the other, also after one that failed", async () => {
    let release = () => {};
    answers = [
      () => new Promise((resume) => (release = () => resume(NOTHING))),
      refuses("not a chat export: this is an image", { code: "bad_json", status: 400 }),
    ];
    const all = ui.filesChosen([file("a.zip"), file("b.png"), file("c.md")]);
    assert.deepEqual(sent.map(([name]) => name), ["a.zip"]);
    release();
    await all;
    assert.deepEqual(sent.map(([, type]) => type.split("/")[1]), ["zip", "octet-stream", "markdown"]);
    assert.equal(toasts.length, 3);
  });
});
