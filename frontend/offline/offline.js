/** The page that is shown without a server: looks for it, and makes way for the chat as soon as it answers. */

import { ROOT_PATH } from "../root-path.js";

/** Between two looks, in milliseconds; it doubles up to the longest. */
const FIRST_WAIT_MS = 2000;
const LONGEST_WAIT_MS = 30_000;

let wait = FIRST_WAIT_MS;
/** @type {number | undefined} */
let timer;

async function look() {
  clearTimeout(timer);
  if (await isThere()) return leave();
  timer = window.setTimeout(look, wait);
  wait = Math.min(LONGEST_WAIT_MS, wait * 2);
}

/** Whether anything but a proxy with nobody behind it answers. */
async function isThere() {
  try {
    const { status } = await fetch(`${ROOT_PATH}/healthz`, { cache: "no-store" });
    return status !== 502 && status !== 504;
  } catch {
    return false;
  }
}

/** This page usually stands under the address that was asked for. */
function leave() {
  if (location.pathname === `${ROOT_PATH}/static/offline/offline.html`) location.replace(`${ROOT_PATH}/`);
  else location.reload();
}

async function lookNow() {
  const state = document.getElementById("state");
  if (state) state.textContent = "Checking …";
  wait = FIRST_WAIT_MS;
  await look();
  if (state) state.textContent = "Still no answer. Checking every few seconds";
}

document.getElementById("retry")?.addEventListener("click", lookNow);
window.addEventListener("online", lookNow);
timer = window.setTimeout(look, wait);
