/** Registration of the service worker, which makes the page installable and shows the offline page. */

import { ROOT_PATH } from "./root-path.js";

const ADDRESS = `${ROOT_PATH}/service-worker.js`;

/** Register the service worker, if the browser allows one. The page works without it. */
export async function registerServiceWorker() {
  if (!("serviceWorker" in navigator)) return;
  try {
    await navigator.serviceWorker.register(/** @type {string} */ (trusted(ADDRESS)), { scope: `${ROOT_PATH}/`, updateViaCache: "none" });
  } catch {
    // Private windows and some settings refuse a service worker.
  }
}

/**
 * Mark the service worker's address as trusted. The page's security policy allows no other script address.
 * @param {string} address
 * @returns {unknown}
 */
function trusted(address) {
  const { trustedTypes } = /** @type {any} */ (window);
  if (!trustedTypes) return address;
  return trustedTypes.createPolicy("streamui-service-worker", { createScriptURL: () => ADDRESS }).createScriptURL(address);
}
