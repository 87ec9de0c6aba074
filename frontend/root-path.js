/** The path that the server is under, behind a proxy: nothing, or such as "/chat". Every address of the page begins with it. */

export const ROOT_PATH = rootPathOf(import.meta.url);

/**
 * @param {string} module address of a file of the page; the server has them all below /static/
 * @returns {string} nothing where the file does not come from a server
 */
export function rootPathOf(module) {
  const { protocol, pathname } = new URL(module);
  return /^https?:$/.test(protocol) ? pathname.slice(0, Math.max(0, pathname.lastIndexOf("/static/"))) : "";
}
