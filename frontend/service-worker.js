/**
 * Service worker that shows the offline page if the server can't be reached. It stores that page only: no answer,
 * message or file of a chat. Every other request goes to the network.
 */

/** Hash over FILES: a change of it makes browsers fetch them again. A test checks the value. */
const VERSION = "42b86203865d";
const FILES = [
  "/static/offline/offline.html",
  "/static/offline/offline.css",
  "/static/offline/offline.js",
  "/static/first-paint.js",
  "/static/root-path.js",
  "/static/icon.svg",
];
const PAGE = "/static/offline/offline.html";
/** Path of the server on its origin; this script is directly below it. */
const ROOT_PATH = self.location.pathname.slice(0, self.location.pathname.lastIndexOf("/"));
/** Statuses of a proxy that can't reach the server: bad gateway, gateway timeout. */
const UNREACHABLE = [502, 504];
/**
 * Prefix of the cache's name. It ends with the root path, since another server on the same origin may have its own
 * cache.
 */
const PREFIX = `streamui-offline:${ROOT_PATH}/:`;
/** Prefix of the cache's name in earlier versions. */
const EARLIER_PREFIX = "streamui-offline-";
const CACHE = PREFIX + VERSION;

/** @typedef {Event & {waitUntil: (promise: Promise<unknown>) => void}} LifeEvent */
/** @typedef {Event & {request: Request, respondWith: (response: Promise<Response>) => void}} FetchEvent */

self.addEventListener("install", (event) => /** @type {LifeEvent} */ (event).waitUntil(install()));
self.addEventListener("activate", (event) => /** @type {LifeEvent} */ (event).waitUntil(activate()));
self.addEventListener("fetch", (event) => answer(/** @type {FetchEvent} */ (event)));

async function install() {
  const cache = await caches.open(CACHE);
  await cache.addAll(FILES.map((file) => new Request(ROOT_PATH + file, { cache: "reload" })));
  await /** @type {any} */ (self).skipWaiting();
}

/** Delete the caches of earlier versions. The chat doesn't depend on the version that is active. */
async function activate() {
  const names = await caches.keys();
  const old = names.filter((name) => [PREFIX, EARLIER_PREFIX].some((prefix) => name.startsWith(prefix)) && name !== CACHE);
  await Promise.all(old.map((name) => caches.delete(name)));
}

/** @param {FetchEvent} event */
function answer(event) {
  const { method, mode, url } = event.request;
  if (method !== "GET") return;
  if (mode === "navigate") event.respondWith(fromNetwork(event.request, ROOT_PATH + PAGE));
  else if (FILES.some((file) => new URL(url).pathname === ROOT_PATH + file)) event.respondWith(fromNetwork(event.request, url));
}

/**
 * @param {Request} request
 * @param {string} kept address of the stored response, which is used if the network fails or a proxy can't reach the server
 */
async function fromNetwork(request, kept) {
  const response = await fetch(request).catch(() => null);
  if (response && !UNREACHABLE.includes(response.status)) return response;
  const cache = await caches.open(CACHE);
  return (await cache.match(kept)) ?? response ?? Response.error();
}
