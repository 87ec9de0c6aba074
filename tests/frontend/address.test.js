import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { describe, it } from "node:test";

import { Address, addressOf, loginAddressOf } from "../../frontend/address.js";
import { rootPathOf } from "../../frontend/root-path.js";

const FRONTEND = new URL("../../frontend/", import.meta.url);
/** They can't import the root path and find it themselves. */
const WITHOUT_MODULES = ["service-worker.js", "first-paint.js", "root-path.js"];

describe("The root path", () => {
  for (const [module, path] of [
    ["http://127.0.0.1:8000/static/sources/0a1b/root-path.js", ""],
    ["https://example.org/chat/static/bundle/0a1b/app.js", "/chat"],
    ["https://example.org/static/chat/static/sources/0a1b/rendering/markdown/highlight-worker.js", "/static/chat"],
    ["https://example.org/elsewhere/app.js", ""],
    ["file:///home/me/static/frontend/app.js", ""],
  ]) {
    it(`of ${module} is "${path}"`, () => assert.equal(rootPathOf(String(module)), path));
  }
});

describe("Every address of the server in the page's scripts", () => {
  it("begins with the root path", async () => {
    const files = (await readdir(FRONTEND, { recursive: true })).filter((file) => file.endsWith(".js") && !WITHOUT_MODULES.includes(file));
    assert.ok(files.length > 100);
    for (const file of files) {
      const script = await readFile(new URL(file, FRONTEND), "utf8");
      assert.doesNotMatch(script, /["'`]\/(?:static|api|ws|channel|generate|generations|login|logout|healthz|service-worker\.js)\b(?!\/")/, file);
    }
  });
});

describe("The address", () => {
  /** @param {string} pathname */
  function at(pathname, root = "") {
    /** @type {string[]} */
    const pushed = [];
    const window = { location: { pathname }, history: { pushState: (/** @type {any} */ _s, /** @type {any} */ _t, /** @type {string} */ to) => pushed.push(to) } };
    return { address: new Address(/** @type {any} */ (window), root), pushed };
  }

  for (const [pathname, root, conversation] of [
    ["/", "", null],
    ["/c/frogs.1", "", "frogs.1"],
    ["/c/frogs.1/", "", "frogs.1"],
    ["/chat/", "/chat", null],
    ["/chat/c/frogs.1", "/chat", "frogs.1"],
    ["/chatc/frogs.1", "/chat", null],
    ["/c/frogs.1/x", "", null],
  ]) {
    it(`${pathname} below "${root}" names ${conversation}`, () => assert.equal(at(String(pathname), String(root)).address.conversation, conversation));
  }

  it("stays below the root path", () => {
    const { address, pushed } = at("/chat/c/frogs", "/chat");
    address.go("frogs");
    address.go("toads");
    address.go(null);
    assert.deepEqual(pushed, ["/chat/c/toads", "/chat/"]);
    const { address: fresh, pushed: none } = at("/chat/", "/chat");
    fresh.go(null);
    assert.deepEqual(none, []);
  });

  it("of a conversation and of the login begins with the root path", () => {
    assert.deepEqual([addressOf(null, "/chat"), addressOf("a", "/chat"), addressOf(null), addressOf("a")], ["/chat/", "/chat/c/a", "/", "/c/a"]);
    assert.deepEqual([loginAddressOf(null, "/chat"), loginAddressOf("a", "")], ["/chat/login", "/login?conversation=a"]);
  });
});
