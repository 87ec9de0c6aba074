/** Times of the conversations in the list, as short as possible but distinct. Pure. */

import { daysBetween } from "./date-groups.js";

/** @typedef {import("./api.js").Found} Found */

const LOCALE = "en-GB";
const clock = new Intl.DateTimeFormat(LOCALE, { hour: "2-digit", minute: "2-digit" });
const exactClock = new Intl.DateTimeFormat(LOCALE, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const weekday = new Intl.DateTimeFormat(LOCALE, { weekday: "short" });
const day = new Intl.DateTimeFormat(LOCALE, { day: "numeric", month: "short" });
const dayAndYear = new Intl.DateTimeFormat(LOCALE, { day: "numeric", month: "short", year: "numeric" });
const whole = new Intl.DateTimeFormat(LOCALE, { dateStyle: "full", timeStyle: "short" });

/**
 * Format the time of each conversation's last use, by id: "14:05", "Yesterday", "Mon", "12 Nov", "12 Nov 2024". If two
 * conversations would have the same title and time, both get the time of day as well, and the seconds if that is also
 * the same.
 * @param {Found[]} conversations
 * @param {Date} now
 * @returns {Map<string, string>}
 */
export function timesOf(conversations, now) {
  /** @type {Map<string, string>} */
  const times = new Map();
  let alike = conversations;
  for (const form of [shortTime, timeOfDay, exactTime]) {
    const shown = alike.map(({ id, title, updated_at: at }) => ({ id, title, time: form(new Date(at), now) }));
    for (const { id, time } of shown) times.set(id, time);
    const keys = shown.map(({ title, time }) => `${title}\n${time}`);
    alike = alike.filter((_, index) => keys.indexOf(keys[index] ?? "") !== keys.lastIndexOf(keys[index] ?? ""));
  }
  return times;
}

/**
 * Format the whole date and time, for a tooltip.
 * @param {number} at milliseconds since 1970
 */
export function wholeTime(at) {
  return whole.format(at);
}

/** @param {Date} then @param {Date} now */
function shortTime(then, now) {
  const days = daysBetween(then, now);
  if (days <= 0) return clock.format(then);
  if (days === 1) return "Yesterday";
  if (days < 7) return weekday.format(then);
  return days < 360 ? day.format(then) : dayAndYear.format(then);
}

/** @param {Date} then @param {Date} now */
function timeOfDay(then, now) {
  return daysBetween(then, now) <= 0 ? clock.format(then) : `${shortTime(then, now)}, ${clock.format(then)}`;
}

/** @param {Date} then @param {Date} now */
function exactTime(then, now) {
  return daysBetween(then, now) <= 0 ? exactClock.format(then) : `${shortTime(then, now)}, ${exactClock.format(then)}`;
}
