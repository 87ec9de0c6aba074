import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, describe, it } from "node:test";

import { Browser } from "./browsers/index.js";

const CACHED = { "Content-Type": "text/javascript", "Cache-Control": "max-age=3600" };

/** A page that can store things, a file that browsers keep, and a service worker. */
class Site {
  /** Requests for the file that browsers keep. */
  count = 0;
  #listener = createServer(({ url = "" }, answer) => {
    if (url === "/kept.js") this.count += 1;
    if (url.endsWith(".js")) answer.writeHead(200, CACHED).end("self.kept = true;");
    else answer.writeHead(200, { "Content-Type": "text/html" }).end("<!doctype html><title>A site</title><script src=/kept.js></script>");
  });

  async start() {
    this.#listener.listen(0, "127.0.0.1");
    await once(this.#listener, "listening");
  }

  get address() {
    const address = this.#listener.address();
    if (address === null || typeof address === "string") throw new Error("The site does not listen");
    return `http://127.0.0.1:${address.port}`;
  }

  async stop() {
    this.#listener.closeAllConnections();
    this.#listener.close();
    await once(this.#listener, "close");
  }
}

describe("A new page", () => {
  const site = new Site();
  /** @type {Browser} */
  let browser;

  before(async () => {
    await site.start();
    browser = await Browser.start();
  });

  after(async () => {
    await browser?.stop();
    await site.stop();
  });

  /** A page of the site, which may use the clipboard. @param {{isAllowed: boolean}} how */
  async function open({ isAllowed }) {
    const page = await browser.newPage();
    if (isAllowed) await page.devtools.browserContext().overridePermissions(site.address, ["clipboard-read"]);
    await page.goto(site.address);
    return page;
  }

  it("has nothing of one that was closed", async () => {
    const first = await open({ isAllowed: true });
    const empty = { local: null, session: null, cookie: "", caches: [], databases: 0, workers: 0 };
    assert.deepEqual(await first.evaluate(stored), { ...empty, clipboard: "granted" });
    await first.evaluate(store);
    const full = { local: "kept", session: "kept", cookie: "kept=1", caches: ["kept"], databases: 1, workers: 1 };
    assert.deepEqual(await first.evaluate(stored), { ...full, clipboard: "granted" });
    await (await first.openBeside()).goto(site.address);
    assert.equal(site.count, 1, "the second page of the same storage asks for the cached file");
    await first.closeAll();

    const second = await open({ isAllowed: false });
    const { clipboard, ...rest } = await second.evaluate(stored);
    assert.deepEqual(rest, empty);
    assert.notEqual(clipboard, "granted");
    assert.equal(site.count, 2, "requests for the cached file");
    await second.closeAll();
  });

  it("has nothing of one that is open", async () => {
    const pages = [await open({ isAllowed: false }), await open({ isAllowed: false })];
    await pages[0]?.evaluate(store);
    assert.deepEqual(await Promise.all(pages.map((page) => page.evaluate(() => localStorage.getItem("kept")))), ["kept", null]);
    for (const page of pages) await page.closeAll();
  });
});

/** Runs in the page: stores something in every way that a page has. */
async function store() {
  localStorage.setItem("kept", "kept");
  sessionStorage.setItem("kept", "kept");
  document.cookie = "kept=1; max-age=3600";
  await caches.open("kept");
  const request = indexedDB.open("kept");
  await new Promise((resolve, reject) => Object.assign(request, { onsuccess: resolve, onerror: reject }));
  request.result.close();
  await navigator.serviceWorker.register("/worker.js");
  await navigator.serviceWorker.ready;
}

/** Runs in the page. */
async function stored() {
  return {
    local: localStorage.getItem("kept"),
    session: sessionStorage.getItem("kept"),
    cookie: document.cookie,
    caches: await caches.keys(),
    databases: (await indexedDB.databases()).length,
    workers: (await navigator.serviceWorker.getRegistrations()).length,
    clipboard: (await navigator.permissions.query({ name: /** @type {PermissionName} */ ("clipboard-read") })).state,
  };
}
