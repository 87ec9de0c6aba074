import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { ChatPage } from "./chat-page.js";
import { PanelsPage } from "./panels-page.js";
import { useChat } from "./use-chat.js";

describe("The list of models", () => {
  const setUp = useChat({ server: { hasHub: true } });

  it("finds a model, downloads it while another browser watches, and deletes it", async () => {
    const { chat, server } = setUp;
    const other = new ChatPage(await setUp.browser.newPage());
    await other.open(server.address);
    const first = await open(chat);
    const second = await open(other);
    await chat.page.bringToFront();
    await search(first);
    await press(first, "Download", "Q8_0");
    await says(first, "8.5 MiB of 17 MiB");
    await says(second, "8.5 MiB of 17 MiB");
    await other.page.bringToFront();
    await press(second, "Stop");
    await says(first, "Stopped · 8.5 MiB of 17 MiB");
    await chat.page.bringToFront();
    await press(first, "Resume");
    server.releaseDownload();
    await says(second, "Ready");
    await says(first, "tiny-chat-Q8_0 is ready.");
    await says(first, "2 models");
    await press(first, "Use in this chat", "tiny-chat-Q8_0");
    await chat.modelSays("Tiny Chat");
    await press(first, "Hide");
    await press(first, "Delete…");
    await press(first, "Delete 17 MiB for good");
    await says(first, "1 model");
    assert.deepEqual(chat.complaints, []);
    assert.deepEqual(other.complaints, []);
    await other.leave();
  });

  /** @param {import("./chat-page.js").ChatPage} chat */
  async function open(chat) {
    const panels = new PanelsPage(chat.page);
    await panels.open("models");
    await says(panels, "1 model");
    return panels;
  }

  /** @param {PanelsPage} panels */
  async function search(panels) {
    await panels.page.type("#models-search", "tiny chat");
    await panels.page.press("Enter");
    await says(panels, "2 results");
    await panels.page.click(() => document.querySelector(".models-repository > summary"));
    await says(panels, "needs 63 MiB of memory");
  }

  /**
   * @param {PanelsPage} panels
   * @param {string} words
   */
  async function says(panels, words) {
    await panels.page.waitFor((expected) => document.getElementById("panel-models")?.innerText.includes(expected), words);
  }

  /**
   * @param {PanelsPage} panels
   * @param {string} text of a visible button
   * @param {string} [row] words in its row
   */
  async function press(panels, text, row = "") {
    await panels.page.click((wanted, words) => {
      const buttons = [...document.querySelectorAll("#panel-models button")].filter((button) => button.textContent === wanted && button.checkVisibility());
      return buttons.find((button) => button.closest(".models-row")?.textContent?.includes(words));
    }, text, row);
  }
});
