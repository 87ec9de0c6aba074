import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { DraftAhead, KEY, PAUSE_MS } from "../../../frontend/composer/draft-ahead.js";
import { FakeClock } from "../fake-clock.js";
import { FakeBrowser } from "../fake-storage.js";

/** @typedef {import("../../../frontend/connection.js").ConnectionState} ConnectionState */
/** @typedef {import("../../../frontend/protocol/messages.js").Draft} Draft */

class FakeConnection {
  /** @type {Draft[]} */
  sent = [];
  /** @type {(state: any) => void} */
  tell = () => {};

  /** @param {(state: ConnectionState) => void} observer */
  observe(observer) {
    this.tell = observer;
  }

  /** @param {Draft} draft */
  draft(draft) {
    this.sent.push(draft);
  }

  /** @param {string[]} features */
  open(features = ["draft"]) {
    this.tell({ name: "connected", welcome: { features } });
  }
}

describe("DraftAhead", () => {
  /** @type {ReturnType<typeof openPage>} */
  let page;

  function openPage() {
    const clock = new FakeClock();
    const [input, document, connection] = [new EventTarget(), new EventTarget(), new FakeConnection()];
    const composer = { text: "" };
    const storage = new FakeBrowser().openTab();
    const draftAhead = new DraftAhead({ input, document, composer, connection, storage, clock });
    const chat = { isFree: true };
    draftAhead.start((content) => (chat.isFree ? { type: "draft", conversation: "c1", content, parent: null } : null));
    connection.open();
    clock.advance(PAUSE_MS);
    return { clock, input, document, connection, composer, storage, draftAhead, chat };
  }

  beforeEach(() => {
    page = openPage();
  });

  /**
   * @param {string} text
   * @param {string} [inputType] none: the page itself has changed the text
   */
  function write(text, inputType = "insertText") {
    page.composer.text = text;
    page.input.dispatchEvent(Object.assign(new Event("input"), inputType === "" ? {} : { inputType }));
  }

  /** @returns {(string | undefined)[]} */
  const contents = () => page.connection.sent.map(({ content }) => content);

  it("sends what is written after a pause, and once", () => {
    write("Why");
    page.clock.advance(PAUSE_MS - 1);
    write("Why do");
    page.clock.advance(PAUSE_MS - 1);
    assert.deepEqual(contents(), []);
    page.clock.advance(1);
    write("Why do");
    page.draftAhead.chatChanged();
    page.clock.advance(10 * PAUSE_MS);
    assert.deepEqual(page.connection.sent, [{ type: "draft", conversation: "c1", content: "Why do", parent: null }]);
  });

  for (const inputType of ["insertFromPaste", "insertFromDrop", ""]) {
    it(`sends a text that came at once without a pause (${inputType || "file"})`, () => {
      write("A long text", inputType);
      page.clock.advance(0);
      assert.deepEqual(contents(), ["A long text"]);
    });
  }

  it("tells the server when the text was removed", () => {
    write("Why");
    page.clock.advance(PAUSE_MS);
    write(" ", "deleteContentBackward");
    page.clock.advance(PAUSE_MS);
    assert.deepEqual(page.connection.sent.at(-1), { type: "draft" });
  });

  it("leaves the forgetting of a sent message to the server", () => {
    write("Why");
    page.clock.advance(PAUSE_MS);
    write("", "");
    page.draftAhead.sent();
    page.clock.advance(10 * PAUSE_MS);
    assert.deepEqual(contents(), ["Why"]);
    write("Why");
    page.clock.advance(PAUSE_MS);
    assert.deepEqual(contents(), ["Why", "Why"]);
  });

  it("waits while the chat takes no message", () => {
    page.chat.isFree = false;
    write("Why");
    page.clock.advance(PAUSE_MS);
    assert.deepEqual(contents(), []);
    page.chat.isFree = true;
    page.draftAhead.chatChanged();
    page.clock.advance(PAUSE_MS);
    assert.deepEqual(contents(), ["Why"]);
  });

  it("sends nothing to a server that reads no drafts, and the text again after a reconnect", () => {
    page.connection.open(["tools"]);
    write("Why");
    page.clock.advance(PAUSE_MS);
    assert.deepEqual(contents(), []);
    page.connection.tell({ name: "waiting" });
    page.connection.open();
    page.clock.advance(PAUSE_MS);
    assert.deepEqual(contents(), ["Why"]);
  });

  it("sends nothing while the user has switched it off", () => {
    write("Why");
    page.clock.advance(PAUSE_MS);
    page.storage.write(KEY, { on: false });
    page.document.dispatchEvent(new Event("draftaheadchange"));
    page.clock.advance(0);
    assert.deepEqual(page.connection.sent.at(-1), { type: "draft" });
    write("Why do");
    page.clock.advance(PAUSE_MS);
    assert.equal(page.connection.sent.length, 2);
  });

  it("stops with the page", () => {
    write("Why");
    page.draftAhead.stop();
    page.clock.advance(PAUSE_MS);
    assert.equal(page.clock.timerCount, 0);
    assert.deepEqual(contents(), []);
  });
});
