/**
 * Measures the page: node tests/e2e/bench/page.js [seconds that the long answer is written]
 *
 * In Chromium, with its processor slowed down four times.
 */

import { Browser } from "../browsers/index.js";
import { measureKinds } from "./kinds.js";
import { measureLongAnswer } from "./long-answer.js";
import { measureOpening } from "./opening.js";

const SLOWDOWN = 4;
const seconds = Number(process.argv[2] ?? 610);

const browser = await Browser.start();
try {
  await measureOpening(browser, SLOWDOWN);
  await measureKinds(browser, SLOWDOWN);
  await measureLongAnswer(browser, SLOWDOWN, seconds);
} finally {
  await browser.stop();
}
