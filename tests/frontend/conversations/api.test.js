import assert from "node:assert/strict";
import { beforeEach, describe, it } from "node:test";

import { ApiError, reasonFor } from "../../../frontend/conversations/api-error.js";
import { ConversationsApi } from "../../../frontend/conversations/api.js";
import { FakeClock } from "../fake-clock.js";
import { settle } from "../fake-parts.js";

/** @typedef {{url: string} & RequestInit} Asked */

describe("ConversationsApi", () => {
  /** @type {FakeClock} */
  let clock;
  /** @type {Asked[]} */
  let asked;
  /** @type {(() => Response)[]} what the server does, one after the other; the last one for ever */
  let answers;
  /** @type {ConversationsApi} */
  let api;

  beforeEach(() => {
    clock = new FakeClock();
    asked = [];
    answers = [() => Response.json({})];
    api = new ConversationsApi(async (url, request) => {
      asked.push({ url, ...request });
      const answer = answers.length > 1 ? answers.shift() : answers[0];
      return /** @type {() => Response} */ (answer)();
    }, clock);
  });

  const lost = () => {
    throw new TypeError("Failed to fetch");
  };

  it("asks for pages of the list, and searches", async () => {
    await api.list({ before: "c/1", query: "a b", limit: 5 });
    assert.equal(asked[0]?.url, "/api/conversations?limit=5&before=c%2F1&q=a+b");
  });

  it("says JSON in whatever changes something, so that no other site's page can", async () => {
    await api.create("a", { system: "Be brief." });
    await api.change("a", { pinned: true });
    await api.remove("a");
    await api.restore("a");
    assert.deepEqual(asked.map(({ method, headers }) => [method, headers]), ["POST", "PATCH", "DELETE", "POST"].map((method) => {
      return [method, { "Content-Type": "application/json" }];
    }));
    assert.equal(asked[0]?.body, '{"id":"a","settings":{"system":"Be brief."}}');
  });

  it("names conversations and messages as they are", async () => {
    await api.removeMessage("a.b", "m-1");
    assert.equal(asked[0]?.url, "/api/conversations/a.b/messages/m-1");
    assert.equal(api.exportAddress("a", "markdown"), "/api/conversations/a/export?format=markdown");
    assert.equal(api.exportAddress(null), "/api/conversations/export");
  });

  it("sends only well-formed text: titles, settings with their keys, and searches, of which it cuts the longest", async () => {
    const settings = { system: "a\ud83d", params: { stop: ["\udc00"], json_schema: { properties: { "\ud800": {} } } } };
    await api.create("a", settings);
    await api.change("a", { title: "\ud83d", settings });
    await api.list({ query: `\ud83d${"x".repeat(2000)}` });
    await api.read("\ud83d");
    const repaired = { system: "a\ufffd", params: { stop: ["\ufffd"], json_schema: { properties: { "\ufffd": {} } } } };
    assert.deepEqual(JSON.parse(String(asked[0]?.body)), { id: "a", settings: repaired });
    assert.deepEqual(JSON.parse(String(asked[1]?.body)), { title: "\ufffd", settings: repaired });
    assert.equal(new URL(asked[2]?.url ?? "", "http://x").searchParams.get("q"), `\ufffd${"x".repeat(999)}`);
    assert.equal(asked[3]?.url, "/api/conversations/%EF%BF%BD");
  });

  it("hands a file on as it is", async () => {
    await api.import("# Chat", "text/markdown");
    assert.deepEqual([asked[0]?.body, asked[0]?.headers], ["# Chat", { "Content-Type": "text/markdown" }]);
  });

  it("says what the server said", async () => {
    answers = [() => Response.json({ type: "error", code: "unknown_id", message: "No such conversation." }, { status: 404 })];
    await assert.rejects(api.read("a"), (error) => {
      assert.ok(error instanceof ApiError);
      assert.deepEqual([error.message, error.code, error.status, error.isOffline], ["No such conversation.", "unknown_id", 404, false]);
      return true;
    });
    assert.equal(asked.length, 1);
  });

  it("says something where the server, or a proxy, says nothing to the point", async () => {
    answers = [() => new Response("<html>", { status: 413 })];
    await assert.rejects(api.read("a"), /The server answered with the status 413/);
    answers = [() => new Response("<html>")];
    await assert.rejects(api.read("a"), /could not be read/);
  });

  it("tries again where the line fails, with longer and longer pauses", async () => {
    answers = [lost, () => new Response("", { status: 502 }), () => Response.json({ id: "a" })];
    const read = api.read("a");
    await settle();
    clock.advance(300);
    await settle();
    assert.equal(asked.length, 2);
    clock.advance(600);
    assert.equal((await read).id, "a");
  });

  it("takes an answer that breaks off for a failure of the line", async () => {
    const broken = () => new Response(new ReadableStream({
      pull(controller) {
        controller.error(new TypeError("network error"));
      },
    }));
    answers = [broken];
    await assert.rejects(api.remove("a"), (error) => error instanceof ApiError && error.isOffline);
    answers = [broken, () => Response.json({ id: "a" })];
    const read = api.read("a");
    await settle();
    clock.advance(300);
    assert.equal((await read).id, "a");
  });

  it("gives up after three times, and says that it is the line", async () => {
    answers = [lost];
    const outcome = assert.rejects(api.read("a"), (error) => error instanceof ApiError && error.isOffline);
    for (let turn = 0; turn < 3; turn += 1) {
      await settle();
      clock.advance(1000);
    }
    await outcome;
    assert.equal(asked.length, 3);
  });

  it("does not delete twice by itself", async () => {
    answers = [lost];
    await assert.rejects(api.remove("a"));
    assert.equal(asked.length, 1);
  });

  it("does not wait for ever", async () => {
    let isAborted = false;
    api = new ConversationsApi((_url, { signal }) => new Promise((_resolve, reject) => {
      signal?.addEventListener("abort", () => {
        isAborted = true;
        reject(new Error("aborted"));
      });
    }), clock);
    const outcome = assert.rejects(api.remove("a"));
    clock.advance(20_000);
    await outcome;
    assert.equal(isAborted, true);
    assert.equal(clock.timerCount, 0);
  });
});

describe("The reason that the page gives for a failed request", () => {
  for (const [error, words] of /** @type {[unknown, string][]} */ ([
    [new ApiError("settings.params.top_p must be a number", { code: "invalid_field", status: 400 }), "One of the values isn't valid."],
    [new ApiError("no conversation c1", { code: "unknown_id", status: 404 }), "It was deleted."],
    [new ApiError("something else", { code: "of_a_newer_server", status: 418 }), "The server couldn't do this."],
    [new ApiError("The server answered with the status 502.", { status: 502, isTemporary: true }), "The server can't do this right now."],
    [new ApiError("The server can't be reached.", { isTemporary: true }), "The server can't be reached."],
    [new TypeError("x is undefined"), "Something went wrong. Try again."],
    [null, "Something went wrong. Try again."],
  ])) {
    it(`is: ${words}`, () => assert.equal(reasonFor(error), words));
  }
});
