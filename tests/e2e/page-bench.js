/**
 * Measures what a long answer costs the page: node tests/e2e/page-bench.js [seconds]
 *
 * Mixed Markdown comes at 100 tokens a second, in Chromium with its processor slowed down four times. Prints how long
 * frames took, what the last 1,000 tokens cost against the first 1,000, and how soon the button says that Stop was pressed.
 */

import { Browser } from "./browsers/index.js";
import { ChatPage } from "./chat-page.js";
import { Server } from "./server.js";

const TOKENS_PER_SECOND = 100;
const SLOWDOWN = 4;
const seconds = Number(process.argv[2] ?? 610);

/** About 250 tokens of four bytes. */
const SECTION = `## Section

A paragraph with **strong words**, *others*, some \`code\`, a [link](https://example.com) and a formula $a^2 + b^2 = c^2$. It goes
on for a while, as answers do, and says that this costs $5 and that $6.

- An item of a list, with **words**
- Another one
  - One below it
1. A number

| Name | Value |
|:--|--:|
| one | 1 |
| two | **2** |

> A quotation of a line.

\`\`\`python
def step(theta, rate=0.01):
    """One step down."""
    return theta - rate * gradient(theta)

for index in range(100):
    theta = step(theta)
    print(f"step {index}: {theta}")
\`\`\`

$$
L(\\theta) = \\frac{1}{N} \\sum_{i=1}^{N} (y_i - f_\\theta(x_i))^2
$$

`;

const browser = await Browser.start();
const server = await Server.startReciting({ "long.md": SECTION.repeat(400) }, TOKENS_PER_SECOND);
try {
  const chat = new ChatPage(await browser.newPage());
  await chat.page.devtools.evaluateOnNewDocument(observe);
  await chat.open(server.address);
  const devtools = await chat.page.devtools.createCDPSession();
  await devtools.send("Emulation.setCPUThrottlingRate", { rate: SLOWDOWN });
  await devtools.send("Performance.enable", { timeDomain: "threadTicks" });
  const busy = async () => {
    const { metrics } = await devtools.send("Performance.getMetrics");
    return metrics.find(({ name }) => name === "TaskDuration")?.value ?? NaN;
  };
  await chat.ask("long.md");
  await chat.lastAnswerIsLongerThan(100);
  await pause(2);
  const costs = [];
  const window = Math.min(10, seconds / 4);
  for (const end = Date.now() + seconds * 1000; Date.now() < end; ) {
    const shown = await length(chat);
    const start = await busy();
    await pause(window);
    const spent = (await busy()) - start;
    costs.push((spent * 1000) / ((await length(chat)) - shown));
  }
  const { metrics } = await devtools.send("Performance.getMetrics");
  const parts = metrics.filter(({ name }) => /^(Script|Layout|RecalcStyle|Task)Duration$/.test(name));
  console.log(parts.map(({ name, value }) => `${name} ${value.toFixed(1)} s`).join(", "));
  const { frames, stopMs } = await chat.page.evaluate(async () => {
    const { frames: noted } = /** @type {any} */ (window).seen;
    const start = performance.now();
    document.getElementById("composer-button")?.click();
    while (document.getElementById("composer-label")?.textContent === "Stop") await new Promise(requestAnimationFrame);
    return { frames: noted, stopMs: performance.now() - start };
  });
  const sorted = frames.toSorted((/** @type {number} */ a, /** @type {number} */ b) => a - b);
  const at = (/** @type {number} */ share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))].toFixed(1);
  console.log(`${seconds} s, ${await length(chat)} characters shown, ${frames.length} frames`);
  console.log(`work of a frame: median ${at(0.5)} ms, p95 ${at(0.95)} ms, p99 ${at(0.99)} ms, longest ${at(1)} ms`);
  console.log(`main thread per character: first ${costs[0]?.toFixed(3)} ms, last ${costs.at(-1)?.toFixed(3)} ms`);
  console.log(`from click on Stop to the button's change: ${stopMs.toFixed(1)} ms`);
} finally {
  await browser.stop();
  await server.stop();
}

/** @param {ChatPage} chat */
async function length(chat) {
  return await chat.page.$eval(".answer-text", (element) => element.textContent?.length ?? 0);
}

/** @param {number} time seconds */
async function pause(time) {
  await new Promise((resolve) => setTimeout(resolve, time * 1000));
}

/** Runs in the page before anything else: notes how long each frame worked, from its callbacks to behind its layout and paint. */
function observe() {
  const frames = /** @type {number[]} */ ([]);
  Object.assign(window, { seen: { frames } });
  const channel = new MessageChannel();
  let start = 0;
  channel.port1.onmessage = () => frames.push(performance.now() - start);
  const tick = () => {
    start = performance.now();
    channel.port2.postMessage(null);
    requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
}
