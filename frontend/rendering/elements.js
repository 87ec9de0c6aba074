/** Helpers that create elements for which index.html has no template. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * Create an icon from a symbol that index.html defines.
 * @param {string} name name of the symbol
 * @returns {SVGElement}
 */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

/**
 * Create a button that shows an icon instead of text.
 * @param {string} picture name of the icon
 * @param {string} label accessible name
 * @param {() => void} act
 * @returns {HTMLButtonElement}
 */
export function iconButton(picture, label, act) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "icon-button";
  button.ariaLabel = label;
  button.title = label;
  button.append(icon(picture));
  button.addEventListener("click", act);
  return button;
}

/**
 * Create a button with a text.
 * @param {string} label
 * @param {string} className
 * @param {() => void} act
 * @returns {HTMLButtonElement}
 */
export function textButton(label, className, act) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = className;
  button.textContent = label;
  button.addEventListener("click", act);
  return button;
}

/**
 * Return the first element that matches, or throw if there is none.
 * @param {ParentNode} parent
 * @param {string} selector
 * @returns {HTMLElement}
 */
export function find(parent, selector) {
  const element = parent.querySelector(selector);
  if (element instanceof HTMLElement) return element;
  throw new Error(`The page has no ${selector}`);
}
