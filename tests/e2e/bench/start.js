/**
 * Measures the start of the page over a line with a round trip of 100 ms: node tests/e2e/bench/start.js [round trip in ms]
 *
 * In Chromium, each visit in a browser of its own; "warm" is the second visit. The median of the visits.
 */

import { Browser } from "../browsers/index.js";
import { ChatPage } from "../chat-page.js";
import { Server } from "../server.js";
import { SlowLine } from "./slow-line.js";

const ROUND_TRIP = Number(process.argv[2] ?? 100);
const VISITS = 5;

/** @typedef {{painted: number, usable: number, connected: number, requests: number, bytes: number}} Visit milliseconds from the click */

/**
 * @param {ChatPage} chat
 * @param {SlowLine} line
 * @returns {Promise<Visit>}
 */
async function visit(chat, line) {
  const before = line.bytes;
  let requests = 0;
  const { devtools } = chat.page;
  const count = (/** @type {import("puppeteer-core").HTTPResponse} */ response) => {
    if (!response.fromCache() && response.url().startsWith("http")) requests += 1;
  };
  devtools.on("response", count);
  await chat.open(line.address);
  devtools.off("response", count);
  const times = await chat.page.evaluate(() => /** @type {any} */ (globalThis).startTimes());
  return { ...times, requests, bytes: line.bytes - before };
}

/** Runs in the page before anything of its own. */
function watchStart() {
  const global = /** @type {any} */ (globalThis);
  const times = { usable: 0, connected: 0 };
  global.startTimes = () => ({ painted: performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? 0, ...times });
  // The page connects once all its parts are there.
  global.WebSocket = class extends WebSocket {
    /** @param {ConstructorParameters<typeof WebSocket>} parts */
    constructor(...parts) {
      super(...parts);
      times.usable ||= performance.now();
    }
  };
  new MutationObserver(() => {
    if (document.getElementById("connection")?.dataset["state"] === "connected") times.connected ||= performance.now();
  }).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ["data-state"] });
}

/** @param {number[]} values */
function median(values) {
  return values.sort((one, other) => one - other)[Math.floor(values.length / 2)] ?? 0;
}

/**
 * @param {string} name
 * @param {Visit[]} visits
 */
function row(name, visits) {
  const [painted, usable, connected, requests, bytes] = ["painted", "usable", "connected", "requests", "bytes"].map((key) => {
    return median(visits.map((each) => each[/** @type {keyof Visit} */ (key)])).toFixed(0);
  });
  console.log(`${name}: painted ${painted} ms, usable ${usable} ms, connected ${connected} ms, ${requests} requests, ${bytes} bytes`);
}

const server = await Server.start();
const line = await SlowLine.start(server.port, ROUND_TRIP);
const browser = await Browser.start();
try {
  /** @type {[Visit[], Visit[]]} */
  const [cold, warm] = [[], []];
  for (let time = 0; time < VISITS; time += 1) {
    const chat = new ChatPage(await browser.newPage());
    await chat.page.devtools.evaluateOnNewDocument(watchStart);
    cold.push(await visit(chat, line));
    warm.push(await visit(chat, line));
    await chat.leave();
  }
  console.log(`The start of the page, round trip ${ROUND_TRIP} ms, median of ${VISITS} visits`);
  row("cold", cold);
  row("warm", warm);
} finally {
  await browser.stop();
  await line.stop();
  await server.stop();
}
