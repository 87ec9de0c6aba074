/** Rules for the addresses in a model's text that become links. */

const SCHEMES = new Set(["http:", "https:", "mailto:"]);

/**
 * @param {string} href address as the model wrote it
 * @returns {string | null} the address; null for a relative address, or a scheme that could run code
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
 * Set the address of a link, which opens in a new tab and sends no referrer.
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
