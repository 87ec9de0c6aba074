/** Assertions about what a page shows. */

import { DEADLINE_MS } from "./browsers/tab.js";

const PAUSE_MS = 50;

/**
 * Repeat an assertion until it holds. What a page shows may follow an event a few frames later on a busy machine, and
 * waiting for the event alone is then too early.
 * @param {() => Promise<void>} check reads the page and asserts
 */
export async function holds(check) {
  const deadline = performance.now() + DEADLINE_MS;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (performance.now() > deadline) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}
