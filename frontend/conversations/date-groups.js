/** Grouping of the conversations in the list by the day of their last use. */

/** @typedef {import("./api.js").Found} Found */
/** @typedef {{name: string, conversations: Found[]}} Group */

const DAY_MS = 86_400_000;
const months = new Intl.DateTimeFormat("en", { month: "long", year: "numeric" });

/**
 * @param {Found[]} conversations in the order in which they are shown
 * @param {Date} now
 * @returns {Group[]} none of them empty
 */
export function groupsOf(conversations, now) {
  /** @type {Map<string, Found[]>} */
  const groups = new Map();
  for (const conversation of conversations) {
    const name = conversation.pinned ? "Pinned" : nameOf(new Date(conversation.updated_at), now);
    groups.set(name, [...(groups.get(name) ?? []), conversation]);
  }
  return [...groups].map(([name, members]) => ({ name, conversations: members }));
}

/**
 * @param {Date} then
 * @param {Date} now
 */
function nameOf(then, now) {
  const days = daysBetween(then, now);
  if (days <= 0) return "Today";
  if (days === 1) return "Yesterday";
  if (days <= 7) return "Previous 7 days";
  return days <= 30 ? "Previous 30 days" : months.format(then);
}

/**
 * Count the calendar days from one date to another, whatever the time of day and the change of clocks.
 * @param {Date} then
 * @param {Date} now
 */
export function daysBetween(then, now) {
  return Math.round((midnight(now) - midnight(then)) / DAY_MS);
}

/** @param {Date} date */
function midnight(date) {
  return new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
}
