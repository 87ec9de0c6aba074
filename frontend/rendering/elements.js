/** Makes the elements that a view has no template for. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * One of the pictures that index.html defines.
 * @param {string} name
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
 * @param {string} picture
 * @param {string} label
 * @param {() => void} act
 * @returns {HTMLButtonElement} a button with a picture for its words
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
 * @param {ParentNode} parent
 * @param {string} selector
 * @returns {HTMLElement}
 */
export function find(parent, selector) {
  const element = parent.querySelector(selector);
  if (element instanceof HTMLElement) return element;
  throw new Error(`The page has no ${selector}`);
}
