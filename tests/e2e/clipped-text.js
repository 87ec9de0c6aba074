/** Text that is cut off without a sign, measured in the page. */

/**
 * Runs in the page.
 * @returns {string[]} one sentence for each text that is cut off, or that is outside the window
 */
export function clippedTexts() {
  /** Rounding of the browser's, in pixels; and a space that hangs over the end of a line where spaces are kept, in ems. */
  const SLACK = 1.5;
  const HANGING = 0.5;
  /** A text of several lines that are all narrower than this is broken letter by letter, in ems. */
  const NARROWEST = 3.5;
  const faults = /** @type {string[]} */ ([]);
  const scrolls = ["auto", "scroll"];
  const hides = ["hidden", "clip"];

  /** @param {Element} element */
  const isForReadersAlone = (element) => {
    for (let around = /** @type {Element | null} */ (element); around; around = around.parentElement) {
      if (getComputedStyle(around).clipPath !== "none") return true;
    }
    return false;
  };
  /** @param {Element} element */
  const nameOf = (element) => `${element.tagName.toLowerCase()}${element.id && `#${element.id}`}.${[...element.classList].join(".")}`;

  /** @param {Element} holder @param {DOMRect} box of its text */
  const faultOf = (holder, box) => {
    const { whiteSpaceCollapse, fontSize } = getComputedStyle(holder);
    const size = parseFloat(fontSize);
    if (box.width < NARROWEST * size && box.height > 3 * size) return `is squeezed into ${Math.round(box.width)} px`;
    const slack = SLACK + (whiteSpaceCollapse === "preserve" ? HANGING * size : 0);
    for (let around = /** @type {Element | null} */ (holder); around; around = around.parentElement) {
      const style = getComputedStyle(around);
      const frame = around.getBoundingClientRect();
      if (scrolls.includes(style.overflowX)) return null;
      if (hides.includes(style.overflowX) && (box.right > frame.right + slack || box.left < frame.left - slack)) {
        return style.textOverflow === "ellipsis" ? null : `is cut off by ${nameOf(around)}`;
      }
      if (style.position === "fixed") break;
    }
    return box.right > innerWidth + slack || box.left < -slack ? "is outside the window" : null;
  };

  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const holder = node.parentElement;
    if (!holder || !node.textContent?.trim() || holder.closest("svg, .katex, noscript, script, template")) continue;
    if (!holder.checkVisibility({ visibilityProperty: true, contentVisibilityAuto: true }) || isForReadersAlone(holder)) continue;
    const range = document.createRange();
    range.selectNodeContents(node);
    const fault = faultOf(holder, range.getBoundingClientRect());
    if (fault) faults.push(`“${node.textContent.trim().slice(0, 40)}” in ${nameOf(holder)} ${fault}`);
  }
  for (const input of document.querySelectorAll("input[placeholder], textarea[placeholder]")) {
    const { placeholder, value, clientWidth } = /** @type {HTMLInputElement} */ (input);
    if (value || !placeholder || !input.checkVisibility({ visibilityProperty: true })) continue;
    const style = getComputedStyle(input);
    const pen = /** @type {CanvasRenderingContext2D} */ (document.createElement("canvas").getContext("2d"));
    pen.font = style.font;
    const room = clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    const lines = input.tagName === "TEXTAREA" ? 2 : 1;
    if (pen.measureText(placeholder).width > room * lines + SLACK) faults.push(`the placeholder “${placeholder}” is cut off`);
  }
  return faults;
}
