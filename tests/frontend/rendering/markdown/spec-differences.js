/** Examples of the specifications that the page shows otherwise on purpose, with the reason. */

const RAW_HTML = "raw HTML is shown as text: a model's text never becomes markup of the page";
const BARE = "addresses and e-mail addresses are links without marks too, as in GFM";
const WWW = "an address that begins with www is opened over https";

/** @type {Record<number, string>} by the number of the example in CommonMark 0.31.2 */
export const COMMONMARK_DIFFERENCES = {
  ...each(RAW_HTML, [
    21, 31, ...range(148, 191), 201, 308, 309, 344, 475, 476, 477, 491, 494, 524, 536, ...range(613, 617), 623, ...range(625, 631),
    642, 643,
  ]),
  ...each(BARE, [602, 608, 611, 612]),
  12: "\\[..\\] is a formula",
  79: "a heading without text is left out: it would be an empty stop for readers who go from heading to heading",
};

/** @type {Record<number, string>} by the number of the example in GFM 0.29 */
export const GFM_DIFFERENCES = {
  491: "one tilde strikes nothing out: \"5~10\" is a range, \"H~2~O\" a formula",
  ...each(WWW, [622, 623, 624, 625, 626, 627]),
  ...each("the page makes links to http, https and mailto alone", [628, 633, 634, 635]),
  657: RAW_HTML,
};

/**
 * @param {string} reason
 * @param {number[]} numbers
 */
function each(reason, numbers) {
  return Object.fromEntries(numbers.map((number) => [number, reason]));
}

/**
 * @param {number} first
 * @param {number} last
 */
function range(first, last) {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}
