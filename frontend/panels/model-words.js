/** The page's text for sizes, memory needs and the state of a download. */

/** @typedef {import("./models-api.js").Download} Download */

const UNITS = ["bytes", "kB", "MB", "GB", "TB"];
const counts = new Intl.NumberFormat("en");

/**
 * @param {number} bytes
 * @returns {string} such as "98.4 MB"
 */
export function sizeWords(bytes) {
  let size = bytes;
  let unit = 0;
  while (size >= 999.5 && unit < UNITS.length - 1) {
    size /= 1000;
    unit += 1;
  }
  return `${new Intl.NumberFormat("en", { maximumFractionDigits: unit >= 2 && size < 100 ? 1 : 0 }).format(size)} ${UNITS[unit]}`;
}

/** @param {number} count */
export function countWords(count) {
  return counts.format(count);
}

/**
 * @param {number} seconds
 * @returns {string} such as "about 2 min left"
 */
export function timeWords(seconds) {
  if (seconds < 60) return `about ${Math.max(1, Math.round(seconds))} s left`;
  if (seconds < 3600) return `about ${Math.round(seconds / 60)} min left`;
  return `about ${Math.round(seconds / 3600)} h left`;
}

/**
 * @param {{needs: number | null, fits: boolean | null}} model
 * @returns {string} "" if the need is not known and no reason to doubt
 */
export function fitWords({ needs, fits }) {
  if (fits === false) return needs === null ? "too large for this machine" : `needs ${sizeWords(needs)} of memory: too much for this machine`;
  return needs === null ? "" : `needs ${sizeWords(needs)} of memory`;
}

/**
 * @param {Download} download
 * @returns {string} its state with figures
 */
export function downloadWords({ state, arrived, size, speed }) {
  const part = size ? `${sizeWords(arrived)} of ${sizeWords(size)}` : arrived > 0 ? sizeWords(arrived) : "";
  if (state === "running") {
    if (size && arrived >= size) return `${part} · checking the file`;
    if (!arrived) return "Starting…";
    const rate = speed ? [`${sizeWords(speed)}/s`, ...(size ? [timeWords((size - arrived) / speed)] : [])] : [];
    return [part, ...rate].join(" · ");
  }
  return [STATES[state], ...(part && state !== "done" ? [part] : [])].join(" · ");
}

const STATES = { waiting: "Waiting", stopping: "Stopping", stopped: "Stopped", failed: "Failed", done: "Ready" };

/**
 * @param {Download} download
 * @returns {string} its name without the place
 */
export function downloadName({ name, source }) {
  return name?.replace(/^streamui\//, "") ?? source;
}
