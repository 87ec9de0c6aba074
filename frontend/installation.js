/** Makes the page one that can be installed, and that says so when the server is away: registers the service worker. */

import { ROOT_PATH } from "./root-path.js";

const ADDRESS = `${ROOT_PATH}/service-worker.js`;

/** Where the browser has none, or does not allow it, the page works all the same. */
export async function registerServiceWorker() {
  if (!("serviceWorker" in navigator)) return;
  try {
    await navigator.serviceWorker.register(/** @type {string} */ (trusted(ADDRESS)), { scope: `${ROOT_PATH}/`, updateViaCache: "none" });
  } catch {
    // Private windows and some settings refuse it.
  }
}

/**
 * The policy for scripts of the page's own security policy lets only this one address pass.
 * @param {string} address
 * @returns {unknown}
 */
function trusted(address) {
  const { trustedTypes } = /** @type {any} */ (window);
  if (!trustedTypes) return address;
  return trustedTypes.createPolicy("streamui-service-worker", { createScriptURL: () => ADDRESS }).createScriptURL(address);
}
