import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { colourViolations, violations } from "./axe.js";
import { Browser } from "./browsers/index.js";
import { SCREENS, Stages } from "./screens.js";

/** @typedef {import("./chat-page.js").ChatPage} ChatPage */
/** @typedef {import("./browsers/index.js").Look} Look */

const DESK = { width: 1280, height: 820 };
const PHONE = { width: 360, height: 740 };
/** What is left of a desk's 1280 x 820 where everything is twice as large. */
const ZOOMED = { width: 640, height: 410, deviceScaleFactor: 2 };
const SIZES = { "on a desk": DESK, "at a width of 360": PHONE, "at 200 %": ZOOMED };

describe("The page, for everybody", () => {
  /** @type {Map<string, Browser>} by the look that they were started with */
  const browsers = new Map();
  /** @type {Stages} */
  let stages;

  before(async () => {
    stages = await Stages.start();
  });

  after(async () => {
    for (const browser of browsers.values()) await browser.stop();
    await stages?.stop();
  });

  /**
   * @param {string} name
   * @param {Partial<Look>} [look]
   */
  async function show(name, { theme = "light", isReducedMotion = false } = {}) {
    const screen = SCREENS.find((each) => each.name === name);
    assert.ok(screen, `There is no screen ${name}`);
    const key = `${theme} ${isReducedMotion}`;
    const browser = browsers.get(key) ?? (await Browser.start({ theme, isReducedMotion }));
    browsers.set(key, browser);
    return await stages.show(browser, screen, DESK);
  }

  for (const { name } of SCREENS) {
    it(`the screen "${name}" keeps nobody out, on a desk, on a phone and enlarged, in light and dark`, async () => {
      const chat = await show(name);
      await atEachSize(chat, async (size) => {
        assert.deepEqual(await violations(chat.page), [], size);
        assert.equal(await chat.overhang(), 0, size);
        await chat.page.evaluate(choose, "dark");
        assert.deepEqual(await colourViolations(chat.page), [], `${size}, dark`);
        await chat.page.evaluate(choose, "light");
      });
      await chat.leave();
    });
  }

  for (const name of ["answered", "login", "offline"]) {
    it(`the screen "${name}" is dark where the system is, and can be read`, async () => {
      const chat = await show(name, { theme: "dark" });
      assert.ok(await chat.page.evaluate(() => matchMedia("(prefers-color-scheme: dark)").matches));
      assert.notEqual(await chat.page.evaluate(() => document.documentElement.dataset["theme"]), "dark");
      await atEachSize(chat, async (size) => assert.deepEqual(await colourViolations(chat.page), [], size));
      await chat.leave();
    });
  }

  describe("With the keyboard", () => {
    for (const name of ["empty", "answered", "refused"]) {
      it(`everything on the screen "${name}" is reached in the order in which it stands, and seen to be`, async () => {
        const chat = await show(name);
        const expected = await chat.page.evaluate(numberFocusable);
        assert.ok(expected.length > 2);
        await chat.page.focus(`[data-stop="0"]`);
        /** @type {string[]} */
        const reached = [];
        while (reached.length < expected.length) {
          const { stop, name, isSeen, isInOrder } = await chat.page.evaluate(describeFocus);
          assert.ok(reached.length === 0 || isSeen, `nothing shows that ${name} has the focus`);
          assert.ok(isInOrder, `${name} is reached before what stands above it`);
          if (stop !== undefined) reached.push(stop); // the buttons of a message are made once the focus is in it
          await chat.page.press("Tab");
        }
        assert.deepEqual(reached, expected);
        await chat.leave();
      });
    }
  });

  describe("Where motion is to be reduced", () => {
    for (const name of ["answering", "connection-lost"]) {
      it(`nothing moves on the screen "${name}", where else something does`, async () => {
        for (const isMoving of [true, false]) {
          const chat = await show(name, { isReducedMotion: !isMoving });
          const running = await chat.page.evaluate(() => document.getAnimations().filter(({ playState }) => playState === "running").length);
          assert.equal(running > 0, isMoving);
          await chat.leave();
        }
      });
    }
  });

  describe("What is read out", () => {
    it("is the answer in whole sentences, each once, and then that it has ended", async () => {
      const chat = await show("empty");
      await chat.page.evaluate(() => {
        const heard = /** @type {string[]} */ ([]);
        const listen = (/** @type {MutationRecord[]} */ records) => {
          for (const { addedNodes } of records) heard.push(...[...addedNodes].map((node) => node.textContent ?? ""));
        };
        new MutationObserver(listen).observe(/** @type {Element} */ (document.getElementById("announcer")), { childList: true });
        Object.assign(window, { heard });
      });
      stages.hurry();
      await chat.answered("What can you do?");
      await chat.page.waitFor(() => /** @type {any} */ (window).heard.at(-1)?.endsWith("Answer finished"));
      const heard = await chat.page.evaluate(() => /** @type {string[]} */ (/** @type {any} */ (window).heard));
      const said = words(heard.join(" ").replace(/^Answer started(.*)Answer finished$/, "$1"));
      assert.deepEqual(said, words(await chat.lastAnswer()));
      for (const sentences of heard.slice(1, -1)) assert.match(sentences, /[.!?:]$/);
      await chat.leave();
    });
  });
});

/**
 * @param {ChatPage} chat
 * @param {(size: string) => Promise<void>} check
 */
async function atEachSize(chat, check) {
  for (const [size, viewport] of Object.entries(SIZES)) {
    await chat.page.setViewport(viewport);
    await chat.page.waitFor((width) => innerWidth === width, viewport.width);
    await chat.page.evaluate(isPainted);
    await check(size);
  }
}

/** Runs in the page: lets what hears of the new size do its work, which it does before the next frame. */
async function isPainted() {
  for (let frame = 0; frame < 2; frame += 1) await new Promise((resolve) => requestAnimationFrame(resolve));
}

/**
 * Runs in the page: shows it in a theme, as its settings do, and lets the change of colours end.
 * @param {"light" | "dark"} theme
 */
async function choose(theme) {
  const root = document.documentElement;
  root.dataset["theme"] = theme;
  if (getComputedStyle(root).colorScheme !== theme) throw new Error(`this screen has no ${theme} theme`);
  const changes = document.getAnimations().filter((animation) => animation instanceof CSSTransition);
  await Promise.allSettled(changes.map(({ finished }) => finished));
}

/** @param {string} text */
function words(text) {
  return text.match(/\p{L}+/gu);
}

/**
 * Runs in the page: numbers what a keyboard can reach, in the order of the document.
 * @returns {string[]}
 */
function numberFocusable() {
  const candidates = [...document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex]")];
  const reachable = candidates.filter((element) => {
    const { tabIndex } = /** @type {HTMLElement} */ (element);
    return tabIndex >= 0 && element.checkVisibility({ visibilityProperty: true }) && !element.matches(":disabled");
  });
  return reachable.map((element, index) => (/** @type {HTMLElement} */ (element).dataset["stop"] = String(index)));
}

/** Runs in the page. */
function describeFocus() {
  const element = /** @type {HTMLElement} */ (document.activeElement);
  let isSeen = false;
  for (let around = /** @type {Element | null} */ (element); around; around = around.parentElement) {
    const { outlineStyle, outlineWidth } = getComputedStyle(around);
    isSeen ||= outlineStyle !== "none" && parseFloat(outlineWidth) >= 2;
  }
  const before = document.querySelector("[data-reached]");
  const isInOrder = !before || Boolean(before.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_FOLLOWING);
  before?.removeAttribute("data-reached");
  element.setAttribute("data-reached", "");
  const name = `${element.tagName} ${element.ariaLabel ?? element.textContent}`;
  return { stop: element.dataset["stop"], name, isSeen, isInOrder };
}
