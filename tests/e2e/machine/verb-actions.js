/**
 * What a person may do with an answer while it is written and after: instructions, new parameters, drafts, its tokens,
 * answers side by side, another text, a temporary chat.
 */

import { KEY as DRAFT_KEY } from "../../../frontend/composer/draft-ahead.js";

/** @typedef {import("./actions.js").Act} Act */
/** @typedef {import("./page-without-browser.js").PageWithoutBrowser} PageWithoutBrowser */
/** @typedef {import("./random.js").Random} Random */

const INSTRUCTIONS = ["Shorter, please", "In French", "No lists"];
const QUESTIONS = ["What can you do?", "Tell me a story"];
const DRAFTS = ["", "What", "What can", "What can you do for", "Tell me"];
const LIMITS = [6, 40, 200];
const LABELS = ["First", "Second", "Third"];

/** @type {Record<string, {weight: number, act: Act}>} */
export const VERB_ACTIONS = {
  "let answers be longer": { weight: 6, act: ({ page }) => page.ui.set({ params: { max_tokens: 200 } }) },
  "steer": { weight: 6, act: ({ page, random }) => page.ui.composerSteered(random.pick(INSTRUCTIONS) ?? "") },
  "ask, and steer the answer": { weight: 8, act: askAndSteer },
  "move a slider": { weight: 8, act: moveSlider },
  "write something": { weight: 5, act: ({ page, random }) => page.type(random.pick(DRAFTS) ?? "") },
  "switch reading ahead": { weight: 1, act: ({ page, random }) => page.tab.write(DRAFT_KEY, { on: random.next() < 0.5 }) },
  "look at a token's alternatives": { weight: 8, act: lookAtAlternatives },
  "compare answers": { weight: 6, act: compare },
  "select a compared answer": { weight: 3, act: ({ page, random }) => withColumn(page, random, () => true, (id) => page.comparison.delegate?.columnSelected(id)) },
  "stop a compared answer": { weight: 3, act: ({ page, random }) => withColumn(page, random, ({ isWriting }) => isWriting, (id) => page.comparison.delegate?.columnStopped(id)) },
  "keep a compared answer": { weight: 4, act: ({ page, random }) => withColumn(page, random, ({ mayBeKept }) => mayBeKept, (id) => page.comparison.delegate?.columnKept(id)) },
  "edit an answer": { weight: 5, act: editAnswer },
  "begin a temporary chat": { weight: 2, act: ({ page }) => page.ui.startTemporaryChat() },
};

/** Asks where that is possible, and gives an instruction once there is text. @type {Act} */
async function askAndSteer({ page, random, wait }) {
  page.ui.set({ params: { max_tokens: 200 } });
  page.ui.send(random.pick(QUESTIONS) ?? "");
  if (!page.isOffline) await wait(() => page.isOffline || page.composer.steers || page.composer.mode === "idle");
  page.ui.composerSteered(random.pick(INSTRUCTIONS) ?? "");
}

/** Changes a parameter several times, as a slider does. @type {Act} */
function moveSlider({ page, random }) {
  for (let moves = 1 + random.below(3); moves > 0; moves -= 1) {
    const params = { ...page.ui.settings.params, temperature: random.below(20) / 10, max_tokens: random.pick(LIMITS) ?? 6 };
    page.ui.set({ ...page.ui.settings, params });
  }
}

/** Opens an answer's tokens, asks for the alternatives of one, and sometimes chooses one. @type {Act} */
async function lookAtAlternatives({ page, random, wait }) {
  const { exploring } = page.ui;
  const shown = random.pick(page.shown.filter(({ actions }) => actions.includes("explore")));
  const [share, isChosen] = [random.next(), random.next() < 0.7];
  if (!shown) return;
  await exploring.toggle(shown.id);
  const explored = page.transcript.find(shown.id)?.explored;
  if (!explored || exploring.message !== shown.id) return;
  const index = Math.floor(share * (explored.answer.count + 1));
  explored.delegate.tokenChosen(index);
  await wait(() => explored.tokens.length > 0 || explored.words !== "" || exploring.message !== shown.id);
  const token = random.pick(explored.tokens.filter((text) => text !== "" && !text.includes("\ufffd")));
  if (token && isChosen && explored.mayChoose && exploring.message === shown.id) explored.delegate.alternativeChosen(index, token);
}

/** @type {Act} */
function compare({ page, random }) {
  const count = 2 + random.below(2);
  const params = page.ui.settings.params;
  page.compareSetup.open(...LABELS.slice(0, count).map((label, seed) => ({ label, params: { ...params, seed } })));
  page.ui.composerSent(random.pick(QUESTIONS) ?? "");
}

/**
 * @param {PageWithoutBrowser} page
 * @param {Random} random
 * @param {(column: import("../../../frontend/chat/presenting-columns.js").Column) => boolean} isFit
 * @param {(id: string) => void} act
 */
function withColumn({ comparison }, random, isFit, act) {
  const column = random.pick(comparison.columns.filter(isFit));
  if (column) act(column.shown.id);
}

/** Changes the text of an answer, and sometimes lets the model continue it. @type {Act} */
async function editAnswer({ page, random }) {
  const isContinued = random.next() < 0.5;
  const message = random.pick(page.shown.filter(({ role, actions }) => role === "assistant" && actions.includes("edit")));
  if (message) await page.ui.answerEdited(message.id, { text: `${message.text} And so`, was: message.text, isContinued });
}
