/** The page's text for sizes, memory needs and the state of a download. */

/** @typedef {import("./models-api.js").Download} Download */

/** Note for a model behind another server that can't be reached. */
export const UNREACHABLE = "It answers once its server is back.";

const counts = new Intl.NumberFormat("en");

/**
 * @param {number} bytes
 * @returns {string} such as "5.7 MiB", "94 MiB" or "2.3 GiB", as `streamui models` prints it
 */
export function sizeWords(bytes) {
  if (bytes < 2 ** 20) return `${counts.format(Math.round(bytes / 1024))} KiB`;
  if (bytes >= 2 ** 30) return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  const size = bytes / 2 ** 20;
  return `${size < 10 ? size.toFixed(1).replace(/\.0$/, "") : Math.round(size)} MiB`;
}

/**
 * Check if a model is behind another server that can't be reached.
 * @param {{state?: string, template?: string}} model
 */
export function isUnreachable({ state, template }) {
  return state === "failed" && template === "upstream";
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
