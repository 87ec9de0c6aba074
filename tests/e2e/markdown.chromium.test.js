import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";

import { AnswerPage } from "./answer-page.js";
import { Browser } from "./browsers/index.js";
import { ChatPage } from "./chat-page.js";
import { holds } from "./holds.js";
import { HOSTILE_TEXTS } from "./hostile-texts.js";
import { Server } from "./server.js";

/** Every kind of block that comes into being out of another one, or between others. */
const SECTION = "## Section\n\nSome **words**.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n- one\n\n  two\n\n> three\n\n[^1]: four\n\n[five]: /six\n\n";
const CODE = "```python\ndef f():\n    return 1\n```\n\nand `x`.";

describe("Markdown on the page, as Chromium's own tools see it", () => {
  /** @type {Server | undefined} */
  let server;
  /** @type {Browser | undefined} */
  let browser;
  /** @type {ChatPage} */
  let chat;
  /** @type {string[]} */
  let requests = [];

  before(async () => {
    server = await Server.startReciting({ "code.md": CODE });
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
    await chat.open(server.address);
  });

  afterEach(async () => {
    await chat.leave();
  });

  it("asks nobody else for anything, whatever an answer says", async () => {
    const answer = new AnswerPage(chat.page);
    for (const text of Object.values(HOSTILE_TEXTS)) await answer.show(text);
    assert.ok(requests.length > 10);
    assert.deepEqual(requests.filter((url) => !url.startsWith(server?.address ?? "")), []);
  });

  it("copies code as it was written", async () => {
    assert.ok(browser && server);
    await chat.page.devtools.browserContext().overridePermissions(server.address, ["clipboard-read", "clipboard-sanitized-write"]);
    await chat.ask("code.md");
    await chat.isAnswered();
    await chat.page.waitForSelector(".code-box .hljs-keyword");
    await chat.page.waitDuring(
      () => chat.page.click(() => document.querySelector(".code-copy")),
      () => document.querySelector(".code-copy")?.textContent === "Copied",
    );
    await holds(async () => assert.equal(await chat.page.evaluate(() => navigator.clipboard.readText()), "def f():\n    return 1"));
    assert.deepEqual(chat.complaints, []);
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

  it("looks at the style of few elements when a block comes or goes, however many there are", async () => {
    await chat.listIsThere();
    await chat.page.devtools.tracing.start({ categories: ["devtools.timeline"] });
    await chat.page.evaluate(writeByLine, SECTION.repeat(20));
    const { traceEvents } = JSON.parse(new TextDecoder().decode(await chat.page.devtools.tracing.stop()));
    const counts = traceEvents.flatMap((/** @type {any} */ { name, args }) => (name === "UpdateLayoutTree" ? (args.elementCount ?? []) : []));
    assert.ok(counts.length > 200, `only ${counts.length} were traced`);
    assert.ok(Math.max(...counts) < 60, `${Math.max(...counts)} elements at once`);
  });
});

/**
 * Runs in the page: writes an answer, a line in a frame.
 * @param {string} text
 */
async function writeByLine(text) {
  const address = "/static/rendering/markdown-text.js";
  const { MarkdownText } = await import(address);
  const element = document.createElement("div");
  document.getElementById("viewport")?.append(element);
  const shown = new MarkdownText(element);
  for (const line of text.split(/(?<=\n)/)) {
    shown.append(line);
    await new Promise((resolve) => requestAnimationFrame(resolve));
  }
}
