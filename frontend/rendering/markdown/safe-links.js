/** Which addresses of a model's text the page makes a link of. */

const SCHEMES = new Set(["http:", "https:", "mailto:"]);

/**
 * @param {string} href as the model wrote it
 * @returns {string | null} the address; null for a relative one, and for any scheme that could run something here
 */
export function safeAddress(href) {
  if (!URL.canParse(href)) return null;
  const url = new URL(href);
  return SCHEMES.has(url.protocol) ? url.href : null;
}

/**
 * @param {string} address
 * @param {string} title
 */
export function linkElement(address, title) {
  const link = document.createElement("a");
  setLink(link, address, title);
  return link;
}

/**
 * Has a link open in a tab of its own and tell the other side nothing.
 * @param {Element} link
 * @param {string} address
 * @param {string} title
 */
export function setLink(link, address, title) {
  link.setAttribute("href", address);
  link.setAttribute("target", "_blank");
  link.setAttribute("rel", "noopener noreferrer nofollow");
  if (title !== "") link.setAttribute("title", title);
}
