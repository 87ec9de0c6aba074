/** Popovers for linkedom, which has none: open and closed, with their events, which come at once. */

/** @param {Window & typeof globalThis} view window of the document */
export function givePopovers(view) {
  /** @type {WeakSet<Element>} */
  const open = new WeakSet();
  /** @type {any} */
  const prototype = view.HTMLElement.prototype;
  const matches = prototype.matches;
  const toggle = (/** @type {HTMLElement} */ element, /** @type {string} */ newState) => {
    if (open.has(element) === (newState === "open")) return;
    element.dispatchEvent(Object.assign(new view.Event("beforetoggle"), { newState }));
    if (newState === "open") open.add(element);
    else open.delete(element);
    element.dispatchEvent(Object.assign(new view.Event("toggle"), { newState }));
  };
  Object.assign(prototype, {
    /** @this {HTMLElement} */
    showPopover() {
      toggle(this, "open");
    },
    /** @this {HTMLElement} */
    hidePopover() {
      toggle(this, "closed");
    },
    /** @this {HTMLElement} @param {string} selector */
    matches(selector) {
      return selector === ":popover-open" ? open.has(this) : matches.call(this, selector);
    },
    scrollIntoView() {},
    getBoundingClientRect: () => ({ left: 0, bottom: 0 }),
  });
}
