import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";

import { Browser } from "./browsers/index.js";
import { clippedTexts } from "./clipped-text.js";
import { MIN_CHARACTERS, layoutFaults } from "./geometry.js";
import { formsOf, takeForm } from "./screen-forms.js";
import { SCREENS, Stages } from "./screens.js";

/** Those with the most in them. `make screens` takes pictures of all. */
const NAMES = ["steered", "compare-setup", "comparing", "compared", "long-list", "models-download", "deleted", "file", "answered", "exploring", "refused", "connection-lost", "settings", "shortcuts", "login",
  "not-found"];
const WIDTHS = [320, 768, 1440];
const DESK = { width: 1440, height: 900 };

describe("The screens, in every width and text size", () => {
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

  for (const name of NAMES) {
    it(`cut nothing off: ${name}`, async () => {
      const screen = SCREENS.find((each) => each.name === name);
      assert.ok(screen, `There is no screen ${name}`);
      const chat = await stages.show(browser, screen, DESK);
      const faults = /** @type {string[]} */ ([]);
      for (const form of formsOf(screen).filter(({ width, theme }) => WIDTHS.includes(width) && theme === "light")) {
        await takeForm(chat, screen, form);
        const found = [...(await chat.page.evaluate(clippedTexts)), ...(await chat.page.evaluate(layoutFaults, MIN_CHARACTERS))];
        const overhang = await chat.overhang();
        if (overhang > 0) found.push(`the page is ${overhang} px wider than its window`);
        if (found.length > 0) faults.push(`${form.width} px, ${form.text} %${form.hasPanel ? ", panel open" : ""}: ${found.join("; ")}`);
      }
      assert.deepEqual(faults, []);
      await chat.leave();
    });
  }
});
