import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";

import { Browser } from "./browsers/index.js";
import { ChatPage } from "./chat-page.js";
import { HOSTILE_TEXTS } from "./hostile-texts.js";
import { Server } from "./server.js";

/** The longest time that the page may not react, in milliseconds: far more than it takes, for machines that are slow and busy. */
const FREEZE_MS = 30_000;

const TEXTS = {
  "code.md": "```python\ndef f():\n    return 1\n```\n\nand `x`.",
  "math.md": "The sum $\\sum_i x_i$ costs $5.",
  "long.md": Array.from({ length: 200 }, (_, index) => `Paragraph ${index} with **some** words.\n\n`).join(""),
};

describe("Markdown on the page", () => {
  /** @type {Server | undefined} */
  let server;
  /** @type {Browser | undefined} */
  let browser;
  /** @type {ChatPage} */
  let chat;
  /** @type {string[]} */
  let requests = [];

  before(async () => {
    server = await Server.startReciting(TEXTS);
    browser = await Browser.start();
  });

  after(async () => {
    await browser?.stop();
    await server?.stop();
  });

  beforeEach(async () => {
    assert.ok(browser && server);
    chat = new ChatPage(await browser.newPage());
    requests = [];
    chat.page.devtools.on("request", (request) => requests.push(request.url()));
    await chat.page.devtools.evaluateOnNewDocument(observe);
    await chat.open(server.address);
  });

  afterEach(async () => {
    await chat.leave();
  });

  /** @param {string} name of a text */
  async function recite(name) {
    await chat.ask(name);
    await chat.isAnswered();
    await chat.isIdle();
  }

  for (const [name, text] of Object.entries(HOSTILE_TEXTS)) {
    it(`survives ${name}: nothing runs, nothing leaves the page, nothing freezes`, async () => {
      await chat.page.evaluate(show, text);
      const seen = await chat.page.evaluate(() => /** @type {any} */ (window).seen);
      assert.deepEqual(seen.attacks, []);
      assert.deepEqual(seen.violations, []);
      assert.ok(seen.longest < FREEZE_MS, `the page did not react for ${seen.longest} ms`);
      assert.deepEqual(requests.filter((url) => !url.startsWith(server?.address ?? "")), []);
      assert.deepEqual(chat.complaints, []);
      assert.equal(await chat.overhang(), 0);
    });
  }

  it("colours code, and copies it as it was written", async () => {
    assert.ok(browser && server);
    await chat.page.devtools.browserContext().overridePermissions(server.address, ["clipboard-read", "clipboard-sanitized-write"]);
    await recite("code.md");
    await chat.page.waitForSelector(".code-box .hljs-keyword");
    await chat.page.click(() => document.querySelector(".code-copy"));
    await chat.page.waitFor(() => document.querySelector(".code-copy")?.textContent === "Copied");
    assert.equal(await chat.page.evaluate(() => navigator.clipboard.readText()), "def f():\n    return 1");
    assert.deepEqual(chat.complaints, []);
  });

  it("makes formulas and leaves prices, and obeys the security policy in it", async () => {
    await recite("math.md");
    await chat.page.waitForSelector(".math .katex");
    assert.match(await chat.lastAnswer(), /costs \$5\.$/);
    const seen = await chat.page.evaluate(() => /** @type {any} */ (window).seen);
    assert.deepEqual([seen.violations, chat.complaints], [[], []]);
  });

  it("loads neither colours nor formulas before there are any", async () => {
    await recite("long.md");
    assert.deepEqual(requests.filter((url) => /vendor|worker/.test(url)), []);
  });

  it("is under 250 KB compressed at first", async () => {
    let total = 0;
    for (const url of new Set(requests.filter((each) => each.startsWith("http")))) {
      const { size } = await chat.page.evaluate(async (address) => {
        await fetch(address, { cache: "reload" });
        const entries = /** @type {PerformanceResourceTiming[]} */ (performance.getEntriesByName(address));
        return { size: entries.at(-1)?.encodedBodySize ?? 0 };
      }, url);
      total += size;
    }
    assert.ok(total > 10_000 && total < 250_000, `${total} bytes`);
  });

  it("lets what is selected stay selected while the answer goes on", async () => {
    const kept = await chat.page.evaluate(async () => {
      const address = "/static/rendering/markdown-text.js";
      const { MarkdownText } = await import(address);
      const element = document.createElement("div");
      document.getElementById("viewport")?.append(element);
      const text = new MarkdownText(element);
      text.append("First block.\n\nThe last one, **which** grows");
      getSelection()?.selectAllChildren(element);
      const before = getSelection()?.toString();
      for (const piece of [" and", " **grows**", "\n\n- and", " goes on\n- to the end"]) text.append(piece);
      return [before, getSelection()?.toString().startsWith(before ?? "?")];
    });
    assert.deepEqual(kept, ["First block.\n\nThe last one, which grows", true]);
  });

  it("does not move what is being read", async () => {
    await chat.page.setViewport({ width: 600, height: 400 });
    await recite("long.md");
    await chat.page.$eval("#viewport", (viewport) => viewport.scrollTo(0, 300));
    await chat.page.waitForSelector("#to-end:not([hidden])");
    const place = () => chat.page.$eval(".answer-text p:nth-of-type(8)", (block) => block.getBoundingClientRect().top);
    const before = await place();
    await chat.page.evaluate(async () => {
      const address = "/static/rendering/markdown-text.js";
      const { MarkdownText } = await import(address);
      const more = document.createElement("div");
      document.querySelector(".answer-text")?.append(more);
      const text = new MarkdownText(more);
      for (let count = 0; count < 30; count += 1) {
        text.append(`- more ${count}\n`);
        await new Promise((resolve) => requestAnimationFrame(resolve));
      }
    });
    assert.equal(await place(), before);
  });
});

/**
 * Runs in the page: shows an answer as the transcript does, and returns when it is painted and coloured.
 * @param {string} text
 */
async function show(text) {
  const [views, batchers] = ["/static/rendering/message-view.js", "/static/rendering/frame-batcher.js"];
  const [{ MessageView }, { FrameBatcher }] = [await import(views), await import(batchers)];
  const template = /** @type {HTMLTemplateElement} */ (document.getElementById("answer-template"));
  const batcher = new FrameBatcher(requestAnimationFrame.bind(window), cancelAnimationFrame.bind(window));
  const empty = { role: "assistant", text: "", isGrowing: true, line: null, branch: { index: 1, count: 1 }, actions: [], offers: [] };
  const view = new MessageView(template.content.cloneNode(true), { ...empty, id: "hostile" }, batcher, {});
  document.getElementById("transcript")?.append(view.element);
  view.comeNear();
  view.append(text);
  view.show({ ...empty, id: "hostile", text, isGrowing: false });
  let length = -1;
  for (let still = 0; still < 10; ) {
    await new Promise((resolve) => requestAnimationFrame(() => requestIdleCallback(resolve)));
    const now = document.querySelector(".answer-text")?.textContent?.length ?? 0;
    still = now === length && now > 0 ? still + 1 : 0;
    length = now;
  }
}

/** Runs in the page before anything else: notes attacks that worked, breaches of the policy, and how long it did not react. */
function observe() {
  const seen = { attacks: /** @type {string[]} */ ([]), violations: /** @type {string[]} */ ([]), longest: 0 };
  Object.assign(window, { seen, attacked: () => seen.attacks.push(String(new Error().stack)) });
  document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) => {
    seen.violations.push(`${violatedDirective} ${blockedURI}`);
  });
  let last = performance.now();
  const tick = () => {
    const now = performance.now();
    seen.longest = Math.max(seen.longest, now - last);
    last = now;
    setTimeout(tick, 10);
  };
  tick();
}
