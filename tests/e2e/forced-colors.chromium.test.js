import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { Browser } from "./browsers/index.js";
import { SCREENS, Stages } from "./screens.js";

/** @typedef {import("./chat-page.js").ChatPage} ChatPage */

const DESK = { width: 1440, height: 900 };

describe("Where the system forces its colours", () => {
  /** @type {Browser} */
  let browser;
  /** @type {Stages} */
  let stages;

  before(async () => {
    stages = await Stages.start();
    browser = await Browser.start({ isReducedMotion: true });
  });

  after(async () => {
    await browser?.stop();
    await stages?.stop();
  });

  /** @param {string} name */
  async function show(name) {
    const screen = SCREENS.find((each) => each.name === name);
    assert.ok(screen, `There is no screen ${name}`);
    const chat = await stages.show(browser, screen, DESK);
    const session = await chat.page.devtools.createCDPSession();
    await session.send("Emulation.setEmulatedMedia", { features: [{ name: "forced-colors", value: "active" }] });
    assert.equal(await chat.page.evaluate(() => matchMedia("(forced-colors: active)").matches), true);
    return chat;
  }

  /** Background and text of the first element of each selector. @param {ChatPage} chat @param {string[]} selectors */
  async function colours(chat, ...selectors) {
    return await chat.page.evaluate((wanted) => wanted.map((selector) => {
      const element = document.querySelector(selector);
      if (!element) return `no ${selector}`;
      const { backgroundColor, color } = getComputedStyle(element);
      return `${color} on ${backgroundColor}`;
    }), selectors);
  }

  it("the open chat is marked in the list, and its title can be read", async () => {
    const chat = await show("long-list");
    const [open, other, title] = await colours(chat, ".row-link[aria-current]", ".row-link:not([aria-current])", ".row-link[aria-current] .row-title");
    assert.notEqual(open, other);
    assert.equal(title?.split(" on ")[0], open?.split(" on ")[0]);
    assert.notEqual(...parts(open));
    await chat.leave();
  });

  for (const name of ["long-list", "answered", "settings", "list-menu", "deleted", "compare-setup", "comparing", "exploring"]) {
    it(`every button has an edge: ${name}`, async () => {
      const chat = await show(name);
      assert.deepEqual(await chat.page.evaluate(withoutEdge), []);
      await chat.leave();
    });
  }

  it("tabs and toggles show which of them is chosen", async () => {
    const chat = await show("appearance");
    const [chosen, other] = await colours(chat, '[role="tab"][aria-selected="true"]', '[role="tab"][aria-selected="false"]');
    assert.notEqual(chosen, other);
    const [theme, otherTheme] = await colours(chat, ".choice:has(:checked)", ".choice:not(:has(:checked))");
    assert.notEqual(theme, otherTheme);
    const [expanded, collapsed] = await colours(chat, "#settings-button", "#help-button");
    assert.notEqual(expanded, collapsed);
    await chat.leave();
  });

  it("whatever has the focus shows it", async () => {
    const chat = await show("settings");
    assert.deepEqual(await chat.page.evaluate(withoutFocusRing), []);
    await chat.leave();
  });

  it("meters have an edge and a filling of another colour", async () => {
    const chat = await show("engine");
    // A copy that is half full, since the panel sets its own each second.
    const box = await chat.page.evaluate(() => {
      const copy = /** @type {HTMLMeterElement} */ (document.querySelector("meter")?.cloneNode());
      Object.assign(copy, { max: 2, value: 1 });
      document.querySelector("meter")?.after(copy);
      copy.scrollIntoView({ block: "center" });
      const { left, right, top, height } = copy.getBoundingClientRect();
      return { left, right, middle: top + height / 2 };
    });
    const picture = await chat.page.devtools.screenshot({ encoding: "base64" });
    await chat.page.goto("about:blank");
    const row = await chat.page.evaluate(pixels, picture, Math.floor(box.middle));
    const at = (/** @type {number} */ share) => row[Math.round(box.left + (box.right - box.left) * share)];
    assert.notEqual(at(0.25), at(0.75), `the filling, in ${JSON.stringify(box)}`);
    const end = row.slice(Math.floor(box.right) - 3, Math.ceil(box.right) + 2);
    assert.ok(end.some((colour) => colour !== at(0.75)), `the edge among ${end}`);
    await chat.leave();
  });
});

/**
 * Runs in the page.
 * @param {string} picture PNG, as base64
 * @param {number} y
 * @returns {Promise<string[]>} colours of one row of it
 */
async function pixels(picture, y) {
  const image = new Image();
  image.src = `data:image/png;base64,${picture}`;
  await image.decode();
  const pen = /** @type {OffscreenCanvasRenderingContext2D} */ (new OffscreenCanvas(image.width, image.height).getContext("2d"));
  pen.drawImage(image, 0, 0);
  const { data } = pen.getImageData(0, y, image.width, 1);
  return Array.from({ length: image.width }, (_, x) => data.slice(4 * x, 4 * x + 3).join(" "));
}

/** @param {string | undefined} colours as "text on ground" @returns {[string, string]} */
function parts(colours) {
  const [text = "", ground = ""] = colours?.split(" on ") ?? [];
  return [text, ground];
}

/** Runs in the page. @returns {string[]} what looks like nothing that can be pressed */
function withoutEdge() {
  const buttons = [...document.querySelectorAll("button, a.icon-button")].filter((button) => button.checkVisibility({ visibilityProperty: true }));
  const bare = buttons.filter((button) => {
    const { borderTopStyle, borderTopWidth } = getComputedStyle(button);
    return borderTopStyle === "none" || parseFloat(borderTopWidth) < 1;
  });
  return bare.map((button) => button.ariaLabel ?? button.textContent?.trim() ?? "");
}

/** Runs in the page. @returns {string[]} what can have the focus without showing it */
function withoutFocusRing() {
  const candidates = /** @type {HTMLElement[]} */ ([...document.querySelectorAll("a[href], button, input, textarea, select, summary")]);
  const bare = candidates.filter((element) => {
    if (!element.checkVisibility({ visibilityProperty: true }) || element.matches(":disabled") || element.tabIndex < 0) return false;
    element.focus(/** @type {any} */ ({ focusVisible: true, preventScroll: true }));
    if (document.activeElement !== element) return false;
    for (let around = /** @type {Element | null} */ (element); around; around = around.parentElement) {
      const { outlineStyle, outlineWidth } = getComputedStyle(around);
      if (outlineStyle !== "none" && parseFloat(outlineWidth) >= 2) return false;
    }
    return true;
  });
  return bare.map((element) => element.id || element.ariaLabel || element.className);
}
