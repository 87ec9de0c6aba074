/** Faults of the page's layout, measured in the page: whatever its width, its text size and what is open. */

/** Narrowest text field, in characters. */
export const MIN_CHARACTERS = 12;

/**
 * Runs in the page.
 * @param {number} minCharacters
 * @returns {string[]} one sentence for each fault
 */
export function layoutFaults(minCharacters) {
  /** Rounding of the browser's, in pixels. */
  const SLACK = 1;
  const faults = /** @type {string[]} */ ([]);

  /** @param {Element | null} element @returns {boolean} */
  const isForReadersAlone = (element) => element !== null && (getComputedStyle(element).clipPath !== "none" || isForReadersAlone(element.parentElement));
  /** @param {Element} element */
  const isSeen = (element) => {
    const { width, height } = element.getBoundingClientRect();
    return width > 2 && height > 2 && element.checkVisibility({ visibilityProperty: true }) && !isForReadersAlone(element);
  };
  /** Parts of the set-up of a comparison may be scrolled out of view. @param {Element} element */
  const mayScroll = (element) => element.parentElement?.closest(".compare-setup");
  /** @param {string} selector */
  const seen = (selector) => [...document.querySelectorAll(selector)].filter((element) => isSeen(element) && !mayScroll(element));
  /** @param {Element} element */
  const nameOf = (element) => `${element.tagName.toLowerCase()}#${element.id}.${[...element.classList].join(".")}`;
  /** @param {Element} inner @param {DOMRect} outer */
  const isWithin = (inner, outer) => {
    const { left, right, top, bottom } = inner.getBoundingClientRect();
    return left >= outer.left - SLACK && right <= outer.right + SLACK && top >= outer.top - SLACK && bottom <= outer.bottom + SLACK;
  };
  /** @param {Element} one @param {Element} other */
  const overlap = (one, other) => {
    if (one.contains(other) || other.contains(one)) return false;
    const [a, b] = [one.getBoundingClientRect(), other.getBoundingClientRect()];
    const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
    return width > SLACK && Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > SLACK;
  };
  /** On a narrow page the context meter is at the end of the input, which keeps that place free. @param {Element} one @param {Element} other */
  const isInInput = (one, other) => one.matches("textarea") && other.matches(".context-meter");
  /** @param {Element} input */
  const characters = (input) => {
    const style = getComputedStyle(input);
    const pen = /** @type {CanvasRenderingContext2D} */ (document.createElement("canvas").getContext("2d"));
    pen.font = style.font;
    const room = input.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
    return room / pen.measureText("0").width;
  };

  for (const selector of ["html", "body", "#main", "#viewport", "#composer"]) {
    const element = document.querySelector(selector);
    if (element && element.scrollWidth > element.clientWidth + SLACK) faults.push(`${selector} is scrolled sideways`);
  }
  for (const place of [".header", ".footer"]) {
    const area = document.querySelector(place);
    if (!area) continue;
    const outer = area.getBoundingClientRect();
    const parts = seen(`${place} :is(button, input, textarea, a, p, li, h1, span, div)`).filter((part) => part.id !== "to-end" && !part.closest("[popover]"));
    for (const part of parts) if (!isWithin(part, outer)) faults.push(`${nameOf(part)} is outside ${place}`);
    const controls = parts.filter((part) => part.matches("button, input, textarea, a, .composer-hint, .composer-notice, .context-meter, .title, .model, .connection"));
    for (const [index, one] of controls.entries()) {
      for (const other of controls.slice(index + 1)) {
        if (overlap(one, other) && !isInInput(one, other)) faults.push(`${nameOf(one)} overlaps ${nameOf(other)}`);
      }
    }
  }
  const form = document.getElementById("composer");
  const frame = form?.getBoundingClientRect();
  for (const part of seen("#composer *")) if (frame && !isWithin(part, frame)) faults.push(`${nameOf(part)} is outside the composer`);
  for (const input of seen("#composer-input, #search, #system-prompt")) {
    if (characters(input) < minCharacters) faults.push(`${nameOf(input)} has room for ${characters(input).toFixed(1)} characters`);
  }
  return faults;
}

/**
 * Runs in the page.
 * @returns {string[]} names of the buttons that a finger may miss
 */
export function smallTargets() {
  /** Width and height of a target, in CSS pixels. */
  const LEAST = 44;
  const buttons = [...document.querySelectorAll("button")].filter((button) => button.checkVisibility({ visibilityProperty: true }));
  const small = buttons.filter((button) => {
    const { width, height } = button.getBoundingClientRect();
    return width < LEAST || height < LEAST;
  });
  return small.map((button) => button.id || button.ariaLabel || button.className);
}
