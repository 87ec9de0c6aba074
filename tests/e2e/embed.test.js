import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";

import { Browser } from "./browsers/index.js";
import { ForeignPage, ForeignSite } from "./foreign-page.js";
import { holds } from "./holds.js";
import { HttpProxy } from "./http-proxy.js";
import { Server } from "./server.js";

const STORY = "Write a long story in ten chapters";
/** So that a story takes two minutes. */
const STEP_MS = 60;
const EXAMPLE = await readFile(new URL("../../examples/embed.html", import.meta.url), "utf8");
const EXAMPLE_SERVER = "http://127.0.0.1:8000";
/** A page whose own styles and elements would break a chat that shared them. */
const STYLED_PAGE = `<!doctype html><title>Styled</title>
  <style>button { display: none; } textarea, p { color: red !important; }</style>
  <div id="chat"></div><p class="composer-hint" id="own">Own</p><script type="module" src="/page.js"></script>`;
const PLAIN_PAGE = `<!doctype html><title>Plain</title><div id="chat"></div><script type="module" src="/page.js"></script>`;
const CODE = "```python\nprint(1)\n```\n\n$$x^2$$\n";

describe("StreamUI in a foreign page", () => {
  /** @type {ForeignSite} */
  let site;
  /** @type {Server} */
  let server;
  /** @type {Browser} */
  let browser;
  /** @type {HttpProxy} */
  let proxy;
  /** @type {ForeignPage} */
  let chat;

  before(async () => {
    site = await ForeignSite.start();
    server = await Server.start({ stepMs: STEP_MS, origins: [site.address] });
    browser = await Browser.start();
  });

  after(async () => {
    await browser?.stop();
    await server?.stop();
    await site?.stop();
  });

  beforeEach(async () => {
    proxy = await HttpProxy.start(server.port);
    Object.assign(site, { page: EXAMPLE.replaceAll(EXAMPLE_SERVER, proxy.address), script: "", policy: "" });
    chat = new ForeignPage(await browser.newPage());
  });

  afterEach(async () => {
    server.takeTime();
    await chat.page.closeAll();
    await proxy.stop();
  });

  it("answers, streams and stops, as examples/embed.html shows it", async () => {
    await chat.open(site.address);
    await chat.connectionIs("connected");
    server.hurry();
    await chat.ask("What can you do?");
    await chat.isAnswered();
    server.takeTime();
    await chat.ask(STORY);
    await chat.lastAnswerIsLongerThan(20);
    await chat.press("Stop");
    await chat.lastStatusSays("Stopped");
    assert.deepEqual(chat.complaints, []);
  });

  for (const [says, ways] of /** @type {const} */ ([
    ["Connected", {}],
    ["Connected through HTTP streaming", { refusesUpgrades: true }],
    ["Connected through HTTP polling", { refusesUpgrades: true, refusesStreams: true }],
  ])) {
    it(`goes on with an answer whose connection is cut: ${says}`, async () => {
      Object.assign(proxy, ways);
      await chat.open(site.address);
      await chat.connectionSays(says);
      await chat.ask(STORY);
      for (let cuts = 0; cuts < 2; cuts += 1) {
        await chat.lastAnswerIsLongerThan(((await chat.answers()).at(-1)?.length ?? 0) + 40);
        proxy.cut();
      }
      await chat.lastAnswerIsLongerThan(((await chat.answers()).at(-1)?.length ?? 0) + 40);
      await chat.press("Stop");
      await chat.lastStatusSays("Stopped");
      await chat.connectionSays(says);
    });
  }

  /**
   * Opens a page whose script makes a StreamUI and keeps it as `chat`.
   * @param {string} page
   * @param {object} options of the StreamUI
   */
  async function openWith(page, options) {
    const script = `import { StreamUI } from "${proxy.address}/embed/stream-ui.js";
      window.heard = [];
      window.chat = new StreamUI(document.getElementById("chat"), ${JSON.stringify(options)});
      for (const type of ["connection", "question", "token", "answer", "error"]) chat.addEventListener(type, ({ detail }) => heard.push([type, detail]));`;
    Object.assign(site, { page, script });
    await chat.open(site.address);
  }

  it("keeps the page's styles and its own apart", async () => {
    await openWith(STYLED_PAGE, {});
    await chat.connectionIs("connected");
    server.hurry();
    await chat.ask("What can you do?");
    await chat.isAnswered();
    const seen = await chat.page.evaluate(() => {
      const [own, page] = [document.getElementById("own"), document.body].map((element) => getComputedStyle(/** @type {Element} */ (element)));
      const input = document.querySelector(".stream-ui")?.shadowRoot?.querySelector("textarea");
      return { hint: own?.gridArea, margin: page?.margin, input: input && getComputedStyle(input).color };
    });
    assert.deepEqual([seen.hint, seen.margin], ["auto", "8px"]);
    assert.notEqual(seen.input, "rgb(255, 0, 0)");
  });

  it("needs no inline script or style, and paints code and formulas under a strict policy", async () => {
    const { address } = proxy;
    site.policy = [
      "default-src 'none'",
      `script-src 'self' ${address}`,
      `style-src ${address}`,
      `font-src ${address}`,
      `connect-src ${address} ${address.replace("http", "ws")}`,
      `worker-src blob: ${address}`,
      "img-src 'self'", // Firefox asks for the site's icon and complains about a refusal.
      "require-trusted-types-for 'script'",
    ].join("; ");
    const messages = [{ role: "user", content: "Show code" }, { role: "assistant", content: CODE }];
    await openWith(PLAIN_PAGE, { messages });
    await chat.connectionIs("connected");
    await chat.page.waitFor(() => {
      const root = document.querySelector(".stream-ui")?.shadowRoot;
      return root?.querySelector("code [class^=hljs]") && root.querySelector(".katex");
    });
    assert.deepEqual(chat.complaints, []);
  });

  it("tells the page what happens, takes commands from it, and leaves without a trace", async () => {
    await openWith(PLAIN_PAGE, { system: "Be brief.", params: { max_tokens: 5 } });
    server.hurry();
    const sent = await chat.page.evaluate(() => [" ", "Hi"].map((text) => /** @type {any} */ (window).chat.send(text)));
    assert.deepEqual(sent, [false, true]);
    await chat.page.waitFor(() => /** @type {any} */ (window).heard.some((/** @type {[string, object]} */ [type]) => type === "answer"));
    const { heard, messages } = await chat.page.evaluate(() => {
      const { chat, heard } = /** @type {any} */ (window);
      const found = { heard, messages: chat.messages };
      chat.destroy();
      return found;
    });
    const kinds = new Set(heard.map((/** @type {[string, object]} */ [type]) => type));
    assert.deepEqual(["connection", "question", "token", "answer"].filter((type) => !kinds.has(type)), []);
    assert.deepEqual(messages.map((/** @type {any} */ { role }) => role), ["user", "assistant"]);
    await holds(async () => assert.equal(await chat.page.evaluate(() => document.querySelector(".stream-ui") === null), true));
  });

  it("logs in with a token, and says when it is not valid", async () => {
    const guarded = await Server.start({ auth: "token", origins: [site.address] });
    try {
      const token = await guarded.token("add", "anna");
      await openWith(PLAIN_PAGE, { url: guarded.address, token });
      await chat.connectionIs("connected");
      await chat.ask("What can you do?");
      await chat.isAnswered();
      await openWith(PLAIN_PAGE, { url: guarded.address, token: "wrong" });
      await chat.connectionSays("The server needs a valid token.");
    } finally {
      await guarded.stop();
    }
  });
});
