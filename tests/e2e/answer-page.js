/** Answers as the page shows them, and what they may not do. */

/** @typedef {import("./browsers/tab.js").Tab} Tab */
/**
 * @typedef {object} Seen
 * @property {string[]} attacks that worked
 * @property {string[]} violations of the security policy
 * @property {number} longest time that the page did not react, in milliseconds
 */

export class AnswerPage {
  /** @param {Tab} page */
  constructor(page) {
    this.page = page;
  }

  /** Notes from now on what `seen` tells. */
  async watch() {
    await this.page.evaluate(observe);
  }

  /** @returns {Promise<Seen>} */
  async seen() {
    return await this.page.evaluate(() => /** @type {any} */ (window).seen);
  }

  /** Begins an answer as the transcript does: what is written goes to `answerView` in the page. */
  async begin() {
    await this.page.evaluate(begin);
  }

  /** Shows an answer as the transcript does, and returns when it is painted and coloured. @param {string} text */
  async show(text) {
    await this.begin();
    await this.page.evaluate(show, text);
  }

  /** @returns {Promise<string[]>} the addresses of all that the page has asked for */
  async requested() {
    return await this.page.evaluate(() => performance.getEntriesByType("resource").map(({ name }) => name));
  }
}

/** Runs in the page. */
async function begin() {
  const [views, batchers] = ["/static/rendering/message-view.js", "/static/ui/frame-batcher.js"];
  const [{ MessageView }, { FrameBatcher }] = [await import(views), await import(batchers)];
  const templates = "/static/rendering/message-templates.js";
  const template = (await import(templates)).messageTemplates().answer;
  const batcher = new FrameBatcher(requestAnimationFrame.bind(window), cancelAnimationFrame.bind(window));
  const branch = { index: 1, count: 1 };
  const shown = { id: "answer", role: "assistant", text: "", isGrowing: true, line: null, branch, actions: [], offers: [] };
  const openers = { openMenu: () => {}, openFile: () => {} };
  const answerView = new MessageView(template.content.cloneNode(true), shown, batcher, {}, openers);
  document.getElementById("transcript")?.append(answerView.element);
  answerView.comeNear();
  Object.assign(window, { answerView, shown });
}

/**
 * Runs in the page.
 * @param {string} text
 */
async function show(text) {
  const { answerView, shown } = /** @type {any} */ (window);
  answerView.append(text);
  answerView.show({ ...shown, text, isGrowing: false });
  const pause = globalThis.requestIdleCallback ?? ((/** @type {() => void} */ then) => setTimeout(then, 20));
  let length = -1;
  for (let still = 0; still < 10; ) {
    await new Promise((resolve) => requestAnimationFrame(() => pause(resolve)));
    const now = document.querySelector(".answer-text")?.textContent?.length ?? 0;
    still = now === length && now > 0 ? still + 1 : 0;
    length = now;
  }
}

/** Runs in the page: notes attacks that worked, breaches of the policy, and how long it did not react. */
function observe() {
  const seen = { attacks: /** @type {string[]} */ ([]), violations: /** @type {string[]} */ ([]), longest: 0 };
  Object.assign(window, { seen, attacked: () => seen.attacks.push(String(new Error().stack)) });
  document.addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) => {
    seen.violations.push(`${violatedDirective} ${blockedURI}`);
  });
  let last = performance.now();
  const tick = () => {
    const now = performance.now();
    seen.longest = Math.max(seen.longest, now - last);
    last = now;
    setTimeout(tick, 10);
  };
  tick();
}
