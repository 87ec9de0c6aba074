/** The page below a path of its own, as behind a proxy that leaves the path in the address and behind one that removes it. */

import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { textPdf } from "../frontend/composer/pdfs.js";
import { Browser } from "./browsers/index.js";
import { ChatPage } from "./chat-page.js";
import { ComposerPage } from "./composer-page.js";
import { holds } from "./holds.js";
import { HttpProxy } from "./http-proxy.js";
import { Server } from "./server.js";

const ROOT = "/tools/chat";

for (const prefix of ["", ROOT]) {
  describe(`Below a root path, behind a proxy that ${prefix ? "removes it" : "leaves it there"}, the page`, () => {
    /** @type {Server} */
    let server;
    /** @type {Browser} */
    let browser;
    /** @type {HttpProxy} */
    let proxy;

    before(async () => {
      server = await Server.start({ rootPath: ROOT });
      browser = await Browser.start();
      proxy = Object.assign(await HttpProxy.start(server.port), { prefix });
    });

    after(async () => {
      await browser?.stop();
      await proxy?.stop();
      await server?.stop();
    });

    async function open() {
      const chat = new ChatPage(await browser.newPage());
      await chat.open(`${proxy.address}${ROOT}/`);
      return chat;
    }

    /** @param {ChatPage} chat */
    async function path(chat) {
      return new URL(await chat.page.url()).pathname;
    }

    it("chats, and finds the conversation again after a reload", async () => {
      const chat = await open();
      await chat.answered("Hello");
      const here = await path(chat);
      assert.match(here, /^\/tools\/chat\/c\/[^/]+$/);
      await chat.page.reload();
      await chat.connected();
      await chat.hasAnswers(1);
      await holds(async () => assert.equal(await path(chat), here));
      await chat.press("New chat");
      await chat.page.waitFor((root) => location.pathname === `${root}/`, ROOT);
      assert.deepEqual(chat.complaints, []);
      await chat.leave();
    });

    it("colours code and sets formulas", async () => {
      const chat = await open();
      await chat.page.evaluate(async () => {
        const script = /** @type {HTMLScriptElement} */ (document.querySelector("script[type=module]"));
        const { MarkdownText } = await import(new URL("../../rendering/markdown-text.js", script.src).href);
        const shown = document.createElement("div");
        document.body.append(shown);
        const text = new MarkdownText(shown);
        text.append("```python\nreturn 1\n```\n\n$x^2$ &Dcaron;\n");
        text.finish();
      });
      await chat.page.waitForSelector(".hljs-keyword");
      await chat.page.waitForSelector(".katex");
      assert.deepEqual(chat.complaints, []);
      await chat.leave();
    });

    it("reads a PDF", async () => {
      const chat = await open();
      const composer = new ComposerPage(chat.page);
      await composer.drop([{ name: "paper.pdf", content: Buffer.from(textPdf([["Some words"]])).toString("latin1") }]);
      await composer.chipsAre(1);
      await holds(async () => assert.equal(await composer.notice(), ""));
      assert.deepEqual(chat.complaints, []);
      await chat.leave();
    });

    it("connects without WebSockets and streams", async () => {
      Object.assign(proxy, { refusesUpgrades: true, refusesStreams: true });
      const chat = await open();
      await holds(async () => assert.equal(await chat.connectionWords(), "Connected through HTTP polling"));
      await chat.answered("Hello");
      await chat.leave();
      Object.assign(proxy, { refusesUpgrades: false, refusesStreams: false });
    });
  });
}
