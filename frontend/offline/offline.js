/** Offline page: polls the server, and is replaced by the chat once the server answers. */

import { ROOT_PATH } from "../root-path.js";

/** Shortest and longest delay between attempts, in milliseconds. The delay doubles with each attempt. */
const FIRST_WAIT_MS = 2000;
const LONGEST_WAIT_MS = 30_000;

let wait = FIRST_WAIT_MS;
/** @type {number | undefined} */
let timer;

async function poll() {
  clearTimeout(timer);
  if (await isServerUp()) return openChat();
  timer = window.setTimeout(poll, wait);
  wait = Math.min(LONGEST_WAIT_MS, wait * 2);
}

/** Return true if the server answers. A proxy without a server behind it doesn't count. */
async function isServerUp() {
  try {
    const { status } = await fetch(`${ROOT_PATH}/healthz`, { cache: "no-store" });
    return status !== 502 && status !== 504;
  } catch {
    return false;
  }
}

/** Open the chat. The service worker usually serves this page under the requested address, which is then reloaded. */
function openChat() {
  if (location.pathname === `${ROOT_PATH}/static/offline/offline.html`) location.replace(`${ROOT_PATH}/`);
  else location.reload();
}

async function pollNow() {
  const state = document.getElementById("state");
  if (state) state.textContent = "Checking …";
  wait = FIRST_WAIT_MS;
  await poll();
  if (state) state.textContent = "Still no answer. Checking every few seconds";
}

document.getElementById("retry")?.addEventListener("click", pollNow);
window.addEventListener("online", pollNow);
timer = window.setTimeout(poll, wait);
