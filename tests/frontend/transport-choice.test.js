import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { TransportChoice } from "../../frontend/transport-choice.js";
import { FakeBrowser } from "./fake-storage.js";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

describe("TransportChoice", () => {
  /** @type {FakeBrowser} */
  let browser;
  let now = 0;

  beforeEach(() => {
    browser = new FakeBrowser();
    now = 1_000_000;
  });

  /** The choice of a page that has just been loaded. */
  function newPage() {
    return new TransportChoice(browser.openTab(), () => now);
  }

  /**
   * One round of attempts in a place where only some transports work.
   * @param {TransportChoice} choice
   * @param {string[]} working
   * @returns {string[]} what was tried; the last one worked if any did
   */
  function connect(choice, ...working) {
    const tried = [];
    choice.begin();
    for (;;) {
      tried.push(choice.kind);
      if (working.includes(choice.kind)) {
        if (choice.welcomed()) return tried;
        continue;
      }
      if (!choice.failed()) return tried;
    }
  }

  it("begins with a WebSocket, and stays with it where it works", () => {
    assert.deepEqual(connect(newPage(), "websocket", "sse", "polling"), ["websocket"]);
  });

  it("falls back to a stream, then to polling, in one round", () => {
    assert.deepEqual(connect(newPage(), "sse", "polling"), ["websocket", "sse"]);
    browser.values.clear();
    assert.deepEqual(connect(newPage(), "polling"), ["websocket", "sse", "polling"]);
  });

  it("ends a round in which nothing worked, and begins the next one from the start", () => {
    const choice = newPage();
    assert.deepEqual(connect(choice), ["websocket", "sse", "polling"]);
    assert.deepEqual(connect(choice, "websocket"), ["websocket"]);
  });

  it("remembers what worked, for the next connection and for the next page", () => {
    const choice = newPage();
    connect(choice, "sse");
    assert.deepEqual(connect(choice, "sse"), ["sse"]);
    assert.deepEqual(connect(newPage(), "sse"), ["sse"]);
  });

  it("tries the others where the one that it remembers does not work, the WebSocket first", () => {
    connect(newPage(), "polling");
    assert.deepEqual(connect(newPage(), "websocket", "sse"), ["polling", "websocket"]);
    assert.deepEqual(connect(newPage(), "websocket"), ["websocket"]);
  });

  it("tries the WebSocket again after a while, which grows up to a day", () => {
    connect(newPage(), "sse");
    for (const belief of [5 * MINUTE, HOUR, 12 * HOUR, DAY, DAY]) {
      now += belief - 1;
      assert.deepEqual(connect(newPage(), "sse"), ["sse"]);
      now += 1;
      assert.deepEqual(connect(newPage(), "sse"), ["websocket", "sse"]);
    }
  });

  it("forgets the fallback as soon as a WebSocket works", () => {
    connect(newPage(), "sse");
    now += 5 * MINUTE;
    connect(newPage(), "websocket");
    connect(newPage(), "sse");
    now += 5 * MINUTE;
    assert.deepEqual(connect(newPage(), "websocket"), ["websocket"]);
  });

  it("does not believe a memory from the future, as after a wrong clock", () => {
    connect(newPage(), "sse");
    now -= DAY;
    assert.deepEqual(connect(newPage(), "websocket", "sse"), ["websocket"]);
  });

  it("gives what has worked on this page two more chances, since the server may be restarting", () => {
    const choice = newPage();
    connect(choice, "websocket");
    assert.deepEqual(connect(choice), ["websocket"]);
    assert.deepEqual(connect(choice), ["websocket"]);
    assert.deepEqual(connect(choice, "sse"), ["websocket", "sse", "websocket", "sse"]);
    assert.deepEqual(connect(choice, "sse"), ["sse"]);
  });

  it("goes back to what has worked on this page if the server came back just after its attempt", () => {
    const choice = newPage();
    connect(choice, "websocket");
    connect(choice);
    connect(choice);
    choice.begin();
    assert.ok(choice.failed());
    assert.equal(choice.kind, "sse");
    assert.ok(!choice.welcomed());
    assert.equal(choice.kind, "websocket");
    assert.ok(choice.welcomed());
    assert.deepEqual(connect(choice, "websocket", "sse"), ["websocket"]);
    assert.deepEqual(connect(newPage(), "websocket", "sse"), ["websocket"]);
  });

  it("goes back only once in a row, and through each kind between them", () => {
    const choice = newPage();
    connect(choice, "websocket");
    connect(choice);
    connect(choice);
    assert.deepEqual(connect(choice, "polling"), ["websocket", "sse", "polling", "websocket", "sse", "polling"]);
  });

  it("goes back again in a later round, if the server was away in between", () => {
    const choice = newPage();
    connect(choice, "websocket");
    connect(choice);
    connect(choice);
    choice.begin();
    choice.failed();
    assert.ok(!choice.welcomed());
    while (choice.failed());
    assert.deepEqual(connect(choice, "sse"), ["websocket", "sse", "websocket", "sse"]);
  });

  it("stays with a better kind than the one that has worked on this page", () => {
    const choice = newPage();
    connect(choice, "sse");
    connect(choice);
    connect(choice);
    assert.deepEqual(connect(choice, "websocket"), ["sse", "websocket"]);
  });

  it("starts counting again with each success", () => {
    const choice = newPage();
    connect(choice, "websocket");
    connect(choice);
    connect(choice);
    connect(choice, "websocket");
    assert.deepEqual(connect(choice, "sse"), ["websocket"]);
  });

  for (const stored of ["", "{", "7", '{"kind":"pigeon","at":1,"forMs":1}', '{"kind":"sse"}']) {
    it(`takes ${JSON.stringify(stored)} in the storage for no memory`, () => {
      const tab = browser.openTab();
      const read = () => (stored === "{" || stored === "" ? null : JSON.parse(stored));
      const choice = new TransportChoice({ read, write: (key, value) => tab.write(key, value) }, () => now);
      assert.deepEqual(connect(choice, "websocket"), ["websocket"]);
    });
  }

  it("remembers for itself where the browser keeps nothing", () => {
    const choice = new TransportChoice({ read: () => null, write: () => {} }, () => now);
    connect(choice, "sse");
    assert.deepEqual(connect(choice, "sse"), ["sse"]);
  });
});
