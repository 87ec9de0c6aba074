import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { parseHTML } from "linkedom";

import { showTime, timeOf } from "../../../frontend/rendering/message-time.js";

const NOW = new Date(2026, 10, 29, 15, 30); // a Sunday

describe("The time of a message", () => {
  for (const [then, words] of /** @type {[Date, string][]} */ ([
    [new Date(2026, 10, 29, 14, 5), "14:05"],
    [new Date(2026, 10, 29, 0, 0), "00:00"],
    [new Date(2026, 10, 29, 15, 31), "15:31"],
    [new Date(2026, 10, 28, 23, 59), "Yesterday 23:59"],
    [new Date(2026, 10, 23, 9, 0), "Mon 09:00"],
    [new Date(2026, 10, 22, 9, 0), "22 Nov 09:00"],
    [new Date(2025, 11, 31, 9, 0), "31 Dec 2025 09:00"],
  ])) {
    it(`is ${words}`, () => assert.equal(timeOf(then, NOW), words));
  }

  it("is there for programs and in full", () => {
    const element = /** @type {any} */ (parseHTML("<time hidden></time>").document.querySelector("time"));
    const then = new Date(2026, 10, 28, 14, 5);
    showTime(element, then.getTime(), NOW);
    assert.deepEqual([element.hidden, element.textContent, element.dateTime], [false, "Yesterday 14:05", then.toISOString()]);
    assert.match(element.title, /^Saturday,? 28 November 2026 at 14:05$/);
  });

  for (const at of [0, NaN]) {
    it(`is left out where it is ${at}`, () => {
      const element = /** @type {any} */ (parseHTML("<time></time>").document.querySelector("time"));
      showTime(element, at, NOW);
      assert.equal(element.hidden, true);
    });
  }
});
