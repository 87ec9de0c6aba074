/** Time of a message: "14:05", "Yesterday 14:05", "Mon 14:05", "12 Nov 14:05". */

import { daysBetween } from "../conversations/date-groups.js";

const LOCALE = "en-GB";
const clock = new Intl.DateTimeFormat(LOCALE, { hour: "2-digit", minute: "2-digit" });
const weekday = new Intl.DateTimeFormat(LOCALE, { weekday: "short" });
const day = new Intl.DateTimeFormat(LOCALE, { day: "numeric", month: "short" });
const dayAndYear = new Intl.DateTimeFormat(LOCALE, { day: "numeric", month: "short", year: "numeric" });
const whole = new Intl.DateTimeFormat(LOCALE, { dateStyle: "full", timeStyle: "short" });

/**
 * @param {HTMLTimeElement} element
 * @param {number} at milliseconds since 1970; 0 if unknown
 * @param {Date} [now]
 */
export function showTime(element, at, now = new Date()) {
  const then = new Date(at);
  element.hidden = at <= 0 || Number.isNaN(then.getTime());
  if (element.hidden) return;
  element.dateTime = then.toISOString();
  element.title = whole.format(then);
  element.textContent = timeOf(then, now);
}

/**
 * @param {Date} then
 * @param {Date} now
 */
export function timeOf(then, now) {
  return [dayOf(then, now), clock.format(then)].filter((part) => part !== "").join(" ");
}

/**
 * @param {Date} then
 * @param {Date} now
 * @returns {string} "" for today, or if this device's clock is behind
 */
function dayOf(then, now) {
  const days = daysBetween(then, now);
  if (days <= 0) return "";
  if (days === 1) return "Yesterday";
  if (days < 7) return weekday.format(then);
  return then.getFullYear() === now.getFullYear() ? day.format(then) : dayAndYear.format(then);
}
