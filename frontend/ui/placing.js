/** Position of an element in the top layer beside the place that it belongs to. */

/** Distance from the edges of the window, and from the place, in CSS pixels. */
const MARGIN = 8;
const GAP = 4;

/**
 * Return the height of the larger room above or below a part of the page, in CSS pixels.
 * @param {{top: number, bottom: number}} part in CSS pixels of the viewport
 */
export function roomBeside({ top, bottom }) {
  return Math.max(top, window.innerHeight - bottom) - MARGIN - GAP;
}

/**
 * Place a shown element below a part of the page. Without room below, place it above.
 * @param {HTMLElement} element with the CSS position `fixed`
 * @param {{left: number, right: number, top: number, bottom: number}} part in CSS pixels of the viewport
 */
export function placeBeside({ offsetWidth, offsetHeight, style }, { left, right, top, bottom }) {
  const fitsBelow = bottom + offsetHeight + MARGIN <= window.innerHeight;
  const x = left + offsetWidth + MARGIN <= window.innerWidth ? left : right - offsetWidth;
  style.left = `${Math.max(MARGIN, x)}px`;
  style.top = `${Math.max(MARGIN, fitsBelow ? bottom + GAP : top - offsetHeight - GAP)}px`;
}
