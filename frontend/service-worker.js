/**
 * Shows a page of ours where the server cannot be reached. It keeps that page and nothing else: no answer, no message, no
 * file of the chat. Whatever can be had from the network comes from there.
 */

/** Changes whenever one of FILES does, so that browsers fetch them anew; a test knows how it is made. */
const VERSION = "1f90ad24904f";
const FILES = [
  "/static/offline/offline.html",
  "/static/offline/offline.css",
  "/static/offline/offline.js",
  "/static/first-paint.js",
  "/static/root-path.js",
  "/static/icon.svg",
];
const PAGE = "/static/offline/offline.html";
/** The path that the server is under, and this script directly below it. */
const ROOT_PATH = self.location.pathname.slice(0, self.location.pathname.lastIndexOf("/"));
/** What a proxy answers when the server behind it does not: bad gateway, gateway timeout. */
const UNREACHABLE = [502, 504];
/** Ends with the root path, since another server of the same origin may keep its own. */
const PREFIX = `streamui-offline:${ROOT_PATH}/:`;
/** The prefix of earlier versions. */
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

/** An earlier version's page goes; nothing of the chat depends on which version is at work. */
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
 * @param {string} kept what to answer with where the network has nothing, or a proxy has nobody behind it
 */
async function fromNetwork(request, kept) {
  const response = await fetch(request).catch(() => null);
  if (response && !UNREACHABLE.includes(response.status)) return response;
  const cache = await caches.open(CACHE);
  return (await cache.match(kept)) ?? response ?? Response.error();
}
