import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { groupsOf } from "../../../frontend/conversations/date-groups.js";

const NOW = new Date(2026, 2, 31, 9, 0);

/**
 * @param {Date} date
 * @param {boolean} [pinned]
 */
function at(date, pinned = false) {
  return { id: date.toISOString(), title: "", created_at: 0, updated_at: date.getTime(), pinned, version: 1, writing: [] };
}

describe("groupsOf", () => {
  it("parts by the days of the calendar, not by hours", () => {
    const conversations = [
      at(new Date(2020, 0, 1), true),
      at(new Date(2026, 2, 31, 0, 1)),
      at(new Date(2026, 2, 30, 23, 59)),
      at(new Date(2026, 2, 24)),
      at(new Date(2026, 2, 23)),
      at(new Date(2026, 1, 28)),
      at(new Date(2025, 11, 24)),
    ];
    const groups = groupsOf(conversations, NOW);
    assert.deepEqual(groups.map(({ name, conversations: members }) => [name, members.length]), [
      ["Pinned", 1], ["Today", 1], ["Yesterday", 1], ["Previous 7 days", 1], ["Previous 30 days", 1], ["February 2026", 1], ["December 2025", 1],
    ]);
  });

  it("takes what the server's clock has ahead for today", () => {
    assert.equal(groupsOf([at(new Date(2026, 3, 1))], NOW)[0]?.name, "Today");
  });

  it("has no group without members", () => {
    assert.deepEqual(groupsOf([], NOW), []);
  });
});
