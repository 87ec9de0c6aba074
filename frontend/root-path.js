/**
 * Path of the server on its origin, if a proxy gives it one: "" or such as "/chat". Every address of the page begins
 * with it.
 */

export const ROOT_PATH = rootPathOf(import.meta.url);

/**
 * @param {string} module address of one of the page's modules, which the server has below /static/
 * @returns {string} "" if the file does not come from a server
 */
export function rootPathOf(module) {
  const { protocol, pathname } = new URL(module);
  return /^https?:$/.test(protocol) ? pathname.slice(0, Math.max(0, pathname.lastIndexOf("/static/"))) : "";
}
