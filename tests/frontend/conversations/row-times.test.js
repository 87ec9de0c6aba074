import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { timesOf } from "../../../frontend/conversations/row-times.js";

const NOW = new Date(2025, 2, 14, 15, 30);

/** @param {[string, Date][]} used titles, and when each was used last */
function times(...used) {
  const rest = { created_at: 0, pinned: false, version: 1, writing: [] };
  const found = used.map(([title, at], index) => ({ ...rest, id: String(index), title, updated_at: at.getTime() }));
  const shown = timesOf(found, NOW);
  return found.map(({ id }) => shown.get(id));
}

describe("The time of a conversation in the list", () => {
  /** @type {[Date, string][]} */
  const cases = [
    [new Date(2025, 2, 14, 14, 5), "14:05"],
    [new Date(2025, 2, 14, 0, 0), "00:00"],
    [new Date(2025, 2, 15, 9, 0), "09:00"], // another machine's clock is ahead
    [new Date(2025, 2, 13, 23, 59), "Yesterday"],
    [new Date(2025, 2, 12, 8, 0), "Wed"],
    [new Date(2025, 2, 8, 8, 0), "Sat"],
    [new Date(2025, 2, 7, 8, 0), "7 Mar"],
    [new Date(2024, 10, 12, 8, 0), "12 Nov"],
    [new Date(2024, 2, 14, 8, 0), "14 Mar 2024"],
  ];
  for (const [at, shown] of cases) {
    it(`is ${shown}`, () => assert.deepEqual(times(["A", at]), [shown]));
  }

  it("has the time of day where another one of the same title has the same day", () => {
    const [one, two] = [new Date(2025, 2, 13, 9, 1), new Date(2025, 2, 13, 9, 2)];
    assert.deepEqual(times(["A", one], ["A", two], ["B", one]), ["Yesterday, 09:01", "Yesterday, 09:02", "Yesterday"]);
  });

  it("has the seconds where six new chats have the same minute", () => {
    const all = times(...Array.from({ length: 6 }, (_, second) => /** @type {[string, Date]} */ (["", new Date(2025, 2, 14, 14, 5, second)])));
    assert.deepEqual(all, ["14:05:00", "14:05:01", "14:05:02", "14:05:03", "14:05:04", "14:05:05"]);
  });

  it("stays short where the titles differ", () => {
    const at = new Date(2025, 0, 2, 3, 4);
    assert.deepEqual(times(["A", at], ["B", at]), ["2 Jan", "2 Jan"]);
  });
});
