/** Functions that create elements. Strings become text nodes, never HTML. */

const SVG = "http://www.w3.org/2000/svg";

/** @typedef {Record<string, string | number | boolean | undefined>} Attributes true: an empty value; false or undefined: no attribute */

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

/**
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Attributes} [attributes]
 * @param {(Node | string)[]} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function create(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  setAttributes(element, attributes);
  element.append(...children);
  return element;
}

/**
 * @template {keyof SVGElementTagNameMap} T
 * @param {T} tag
 * @param {Attributes} [attributes]
 * @param {(Node | string)[]} children
 * @returns {SVGElementTagNameMap[T]}
 */
export function createSvg(tag, attributes = {}, ...children) {
  const element = document.createElementNS(SVG, tag);
  setAttributes(element, attributes);
  element.append(...children);
  return element;
}

/**
 * @param {string} text
 * @param {() => void} pressed
 * @param {Attributes} [attributes]
 */
export function createButton(text, pressed, attributes = {}) {
  const button = create("button", { type: "button", class: "panel-button", ...attributes }, text);
  button.addEventListener("click", pressed);
  return button;
}

/**
 * @param {Element} element
 * @param {Attributes} attributes
 */
function setAttributes(element, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : String(value));
  }
}
