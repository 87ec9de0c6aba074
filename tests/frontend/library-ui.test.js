import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { ApiError } from "../../frontend/conversations/api-error.js";
import { MOST_BYTES } from "../../frontend/conversations/importing.js";
import { LibraryUI } from "../../frontend/library-ui.js";
import { settle } from "./fake-parts.js";

/** @typedef {import("../../frontend/conversations/api.js").Imported} Imported */
/** @typedef {import("../../frontend/ui/toast-view.js").Toast} Toast */

/** @type {Imported} */
const NOTHING = { imported: [], skipped: [] };

/** @type {import("../../frontend/conversations/api.js").Summary} */
const SUMMARY = { id: "a", title: "Frogs", created_at: 1, updated_at: 1, pinned: false, version: 1, writing: [] };
const AWAY = new ApiError("The server can't be reached.", { isTemporary: true });

describe("A chat that is deleted", () => {
  /** @type {Toast[]} */
  let toasts;
  /** @type {string[]} what the page was told, and what the list was */
  let told;
  /** @type {(Error | null)[]} what the server does, one after the other */
  let answers;
  /** @type {LibraryUI} */
  let ui;

  beforeEach(() => {
    [toasts, told, answers] = [[], [], []];
    const answer = async () => {
      const error = answers.shift();
      if (error) throw error;
    };
    const library = { start: () => {}, find: () => SUMMARY, holdings: {}, remove: answer, restore: answer };
    const view = { start: () => {}, show: () => {}, reveal: (/** @type {string} */ id) => told.push(`revealed ${id}`) };
    const parts = { library, list: view, sidebar: view, files: view, toasts: { show: (/** @type {Toast} */ toast) => toasts.push(toast) } };
    ui = new LibraryUI(/** @type {any} */ (parts));
    const names = ["conversationChosen", "conversationRemoved", "conversationRestored", "conversationReturned"];
    const tell = (/** @type {string} */ name) => (/** @type {string} */ id) => void told.push(`${name.replace("conversation", "")} ${id}`);
    ui.start(/** @type {any} */ ({ libraryShown: () => {}, ...Object.fromEntries(names.map((name) => [name, tell(name)])) }));
  });

  it("comes back with Undo, in the list, and the page decides what to show", async () => {
    ui.listDeleted("a");
    await settle();
    assert.equal(toasts[0]?.text, "Deleted “Frogs”");
    toasts[0]?.action?.act();
    await settle();
    assert.deepEqual(told, ["Removed a", "Restored a", "revealed a", "Returned a"]);
  });

  it("is as it was where the server can't delete it, until that is tried again", async () => {
    answers = [AWAY];
    ui.listDeleted("a");
    await settle();
    assert.deepEqual(told, ["Removed a", "Restored a", "Returned a"]);
    assert.match(toasts[0]?.text ?? "", /^Couldn't delete “Frogs”\. /);
    toasts[0]?.action?.act();
    await settle();
    assert.deepEqual([told.at(-1), toasts[1]?.text], ["Removed a", "Deleted “Frogs”"]);
  });

  it("stays deleted where the server can't bring it back", async () => {
    ui.listDeleted("a");
    await settle();
    answers = [AWAY];
    toasts[0]?.action?.act();
    await settle();
    assert.match(toasts[1]?.text ?? "", /^Couldn't undo\. /);
    assert.equal(told.includes("Returned a"), false);
  });
});

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
    assert.deepEqual(toasts, [{ text: "Couldn't import large.zip: it's larger than 64 MiB.", tone: "bad" }]);
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
