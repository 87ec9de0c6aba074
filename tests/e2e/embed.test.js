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
    const script = `const { send } = WebSocket.prototype;
      window.sentFrames = [];
      WebSocket.prototype.send = function (frame) { window.sentFrames.push(frame); send.call(this, frame); };
      import { StreamUI } from "${proxy.address}/embed/stream-ui.js";
      window.heard = [];
      window.chat = new StreamUI(document.getElementById("chat"), ${JSON.stringify(options)});
      for (const type of ["connection", "question", "token", "tuned", "answer", "error"]) chat.addEventListener(type, ({ detail }) => heard.push([type, detail]));`;
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

  /**
   * Waits for an event of the chat, and returns the details of all of its kind.
   * @param {string} type
   * @param {number} [count]
   * @returns {Promise<any[]>}
   */
  async function heard(type, count = 1) {
    await chat.page.waitFor(([kind, least]) => {
      return /** @type {any} */ (window).heard.filter((/** @type {[string, object]} */ [each]) => each === kind).length >= least;
    }, /** @type {const} */ ([type, count]));
    const all = await chat.page.evaluate(() => /** @type {any} */ (window).heard);
    return all.filter((/** @type {[string, object]} */ [each]) => each === type).map((/** @type {[string, object]} */ [, detail]) => detail);
  }

  /** @returns {Promise<any[]>} drafts that the page has sent */
  async function drafts() {
    /** @type {string[]} */
    const frames = await chat.page.evaluate(() => /** @type {any} */ (window).sentFrames);
    return frames.map((frame) => JSON.parse(frame)).filter(({ type }) => type === "draft");
  }

  it("lets the page change parameters in mid-answer", async () => {
    await openWith(PLAIN_PAGE, {});
    await chat.connectionIs("connected");
    assert.equal(await chat.page.evaluate(() => /** @type {any} */ (window).chat.tune({ max_tokens: 1 })), false);
    await chat.page.evaluate((text) => /** @type {any} */ (window).chat.send(text), STORY);
    await chat.lastAnswerIsLongerThan(5);
    const tuned = await chat.page.evaluate(() => {
      const { chat: ui } = /** @type {any} */ (window);
      return [ui.tune({}), ui.tune({ temperature: 9 }), ui.tune({ temperature: 0.1, max_tokens: 1 })];
    });
    assert.deepEqual(tuned, [false, true, true]);
    assert.deepEqual(await heard("tuned"), [{ params: { temperature: 0.1, max_tokens: 1 } }]);
    assert.deepEqual(await heard("error"), [{ code: "invalid_field" }]);
    assert.equal((await heard("answer"))[0].reason, "length");
  });

  it("lets the page look at the tokens of an answer, and write it again from one of them", async () => {
    await openWith(PLAIN_PAGE, { params: { max_tokens: 8, temperature: 0 } });
    await chat.connectionIs("connected");
    server.hurry();
    await chat.page.evaluate(() => /** @type {any} */ (window).chat.send("Tell me about frogs"));
    const [{ text }] = await heard("answer");
    const pieces = await heard("token");
    assert.equal(pieces.at(-1)?.seq, pieces.reduce((sum, { n }) => sum + n, 0));
    const { found, code } = await chat.page.evaluate(async () => {
      const { chat: ui } = /** @type {any} */ (window);
      return { found: await ui.alternatives(1, 3), code: await ui.alternatives(999).catch((/** @type {{code: string}} */ error) => error.code) };
    });
    assert.equal(code, "invalid_field");
    assert.ok(text.startsWith(found.find((/** @type {any} */ { chosen }) => chosen).token), JSON.stringify(found));
    await chat.page.evaluate(() => /** @type {any} */ (window).chat.fork(999, "Green"));
    assert.deepEqual(await heard("error"), [{ code: "invalid_field" }]);
    assert.deepEqual(await chat.answers(), [text]);
    await chat.page.evaluate(() => /** @type {any} */ (window).chat.fork(1, "Green"));
    const [, forked] = await heard("answer", 2);
    assert.match(forked.text, /^Green/);
    assert.deepEqual(await chat.answers(), [forked.text]);
    assert.deepEqual(await chat.page.evaluate(() => /** @type {any} */ (window).chat.messages.length), 2);
    assert.deepEqual(chat.complaints, []);
  });

  it("lets the server read what is being written, unless the page switches that off", async () => {
    const read = async () => {
      const metrics = await (await fetch(`${server.address}/metrics`)).text();
      return Number(/^streamui_draft_tokens_total (\S+)$/m.exec(metrics)?.[1]);
    };
    const before = await read();
    await openWith(PLAIN_PAGE, {});
    await chat.connectionIs("connected");
    await chat.write("Tell me about the frogs that live in the pond");
    await holds(async () => assert.ok((await read()) > before, "nothing was read"));
    assert.equal((await drafts()).at(-1)?.messages.at(-1).content, "Tell me about the frogs that live in the pond");
    await openWith(PLAIN_PAGE, { draftAhead: false });
    await chat.connectionIs("connected");
    await chat.write("Tell me about kings");
    await chat.page.evaluate(() => {
      const input = document.querySelector(".stream-ui")?.shadowRoot?.querySelector("textarea");
      input?.dispatchEvent(new Event("input", { bubbles: true })); // A text that the page itself has changed is sent at once.
      return new Promise((resolve) => setTimeout(resolve));
    });
    assert.deepEqual(await drafts(), []);
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
