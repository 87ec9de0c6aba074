import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";

import { Browser } from "./browsers/index.js";
import { ChatPage } from "./chat-page.js";
import { holds } from "./holds.js";
import { Server } from "./server.js";

describe("A server that asks for a token", () => {
  /** @type {Server} */
  let server;
  /** @type {Browser} */
  let browser;
  /** @type {ChatPage} */
  let chat;

  before(async () => {
    server = await Server.start({ auth: "token" });
    browser = await Browser.start();
  });

  after(async () => {
    await browser?.stop();
    await server?.stop();
  });

  beforeEach(async () => {
    chat = new ChatPage(await browser.newPage());
    await chat.page.setViewport({ width: 1180, height: 820 });
  });

  afterEach(async () => {
    await chat.leave();
  });

  /** @param {string} token */
  async function logIn(token) {
    await chat.page.type("#token", token);
    await submit();
  }

  /** The form may still be on its way when the address is its own already. */
  async function submit() {
    await chat.page.waitForSelector(".login-form button[type=submit]");
    await chat.page.$eval(".login-form button[type=submit]", (button) => button.click());
  }

  /** @param {string} path */
  async function arrivesAt(path) {
    await chat.page.waitFor((expected) => location.pathname === expected, path);
  }

  it("shows its form, takes a right token only, and leads to a chat that answers", async () => {
    const token = await server.token("add", "alice");
    await chat.page.goto(server.address);
    await arrivesAt("/login");
    await logIn("sui_wrong");
    await chat.page.waitForSelector("[role=alert]");
    await arrivesAt("/login");
    await holds(async () => assert.match(await chat.page.$eval("[role=alert]", (element) => element.textContent ?? ""), /That token/));
    chat.complaints.length = 0; // the browser complains of the 403
    await logIn(token);
    await arrivesAt("/");
    await chat.connected();
    await chat.ask("Hello");
    await chat.lastAnswerIsLongerThan(1);
    await holds(async () => assert.equal(await chat.page.evaluate(() => document.cookie), ""));
    assert.deepEqual(chat.complaints, []);
  });

  it("has the theme and the text size of the chat, and fits on a small screen", async () => {
    await chat.page.setViewport({ width: 320, height: 640 });
    for (const [theme, ground] of [["dark", "rgb(19, 22, 23)"], ["light", "rgb(250, 249, 247)"]]) {
      await chat.page.goto(`${server.address}/login`);
      await chat.page.evaluate((chosen) => {
        localStorage.setItem("streamui.appearance.v1", JSON.stringify({ theme: chosen, textSize: 150 }));
      }, theme ?? "");
      await chat.page.reload();
      const seen = await chat.page.evaluate(() => {
        const size = getComputedStyle(/** @type {Element} */ (document.querySelector("#token"))).fontSize;
        const fits = document.documentElement.scrollWidth <= innerWidth;
        return { ground: getComputedStyle(document.body).backgroundColor, size, fits };
      });
      assert.deepEqual(seen, { ground, size: "24px", fits: true });
    }
    assert.deepEqual(chat.complaints, []);
  });

  it("leads back to the conversation that was asked for", async () => {
    const token = await server.token("add", "carol");
    await chat.page.goto(server.address);
    await logIn(token);
    await chat.connected();
    await chat.answered("Hello");
    const { pathname } = new URL(await chat.page.url());
    await server.token("revoke", "carol");
    await arrivesAt("/login");
    await logIn(await server.token("add", "carol"));
    await arrivesAt(pathname);
    await chat.hasAnswers(1);
  });

  it("sends the page back to the form when the token is revoked, and when it is told to log out", async () => {
    await chat.page.goto(server.address);
    await logIn(await server.token("add", "bob"));
    await chat.connected();
    await server.token("revoke", "bob");
    await arrivesAt("/login");
    await logIn(await server.token("add", "bob"));
    await chat.connected();
    await chat.page.$eval('a[aria-label="Log out bob"]', (link) => link.click());
    await arrivesAt("/logout");
    await submit();
    await arrivesAt("/login");
    await chat.page.goto(server.address);
    await arrivesAt("/login");
  });
});
