/** Unsent text of each conversation, stored so that a reload loses nothing. */

/** @typedef {import("../connection.js").Clock} Clock */
/** @typedef {import("../guarded-storage.js").Keeping} Keeping */
/** @typedef {import("./held-texts.js").HeldText} HeldText */
/** @typedef {[conversation: string, draft: string, held: HeldText[]]} Draft */

export const KEY = "streamui.drafts.v1";
/** Longest delay before a change is stored, in milliseconds. */
export const SAVE_MS = 400;
/**
 * Limit on all drafts together, in UTF-16 units; the oldest are dropped beyond it. Browsers give a page about five
 * million for everything.
 */
export const MAX_DRAFT = 1_000_000;
export const MAX_DRAFTS = 30;

/** Store of the drafts. Owns the value stored under its key. */
export class Drafts {
  #storage;
  #input;
  #clock;
  #held;
  /** @type {string | null} null for a temporary chat, whose draft is not stored */
  #conversation = "";
  /** @type {unknown} */
  #timer = null;
  #observer = new AbortController();

  /**
   * @param {Keeping} storage
   * @param {{value: string} & EventTarget} input
   * @param {Clock} clock
   * @param {{readonly items: HeldText[], replace: (items: HeldText[]) => void}} held files and long texts beside the
   *   input
   */
  constructor(storage, input, clock, held) {
    this.#storage = storage;
    this.#input = input;
    this.#clock = clock;
    this.#held = held;
  }

  start() {
    this.#input.addEventListener("input", () => this.#saveSoon(), { signal: this.#observer.signal });
  }

  stop() {
    this.save();
    this.#observer.abort();
  }

  /**
   * Store the draft of the conversation that was open, and put this conversation's draft into the input.
   * @param {string | null} conversation its id; null for a temporary chat
   */
  open(conversation) {
    this.save();
    this.#conversation = conversation;
    const [, draft = "", held = []] = readDrafts(this.#storage.read(KEY)).find(([id]) => id === conversation) ?? [];
    if (held.length > 0 || this.#held.items.length > 0) this.#held.replace(held);
    if (draft !== this.#input.value) {
      this.#input.value = draft;
      this.#input.dispatchEvent(new Event("input", { bubbles: true }));
    }
    this.#forgetTimer();
  }

  /** Store the draft now, if it has changed: the page may be closed without further notice. */
  save() {
    if (this.#timer === null) return;
    this.#forgetTimer();
    if (this.#conversation === null) return;
    const others = readDrafts(this.#storage.read(KEY)).filter(([id]) => id !== this.#conversation);
    const draft = this.#input.value;
    /** @type {Draft} */
    const mine = [this.#conversation, draft, this.#held.items];
    const isKept = (draft.trim() !== "" || mine[2].length > 0) && lengthOf(mine) <= MAX_DRAFT;
    this.#storage.write(KEY, fitting(isKept ? [...others, mine] : others));
  }

  #saveSoon() {
    this.#forgetTimer();
    this.#timer = this.#clock.setTimeout(() => this.save(), SAVE_MS);
  }

  #forgetTimer() {
    if (this.#timer !== null) this.#clock.clearTimeout(this.#timer);
    this.#timer = null;
  }
}

/**
 * @param {unknown} value
 * @returns {Draft[]} drafts, the newest last
 */
function readDrafts(value) {
  if (!Array.isArray(value)) return [];
  const drafts = value.filter((each) => typeof each?.[0] === "string" && typeof each[1] === "string");
  return drafts.map(([conversation, draft, held]) => [conversation, draft, Array.isArray(held) ? held.filter(isHeld) : []]);
}

/** @param {any} value */
function isHeld(value) {
  return typeof value?.name === "string" && typeof value.text === "string";
}

/** @param {Draft} draft */
function lengthOf([, draft, held]) {
  return held.reduce((sum, { text }) => sum + text.length, draft.length);
}

/**
 * @param {Draft[]} drafts
 * @returns {Draft[]} newest drafts, as many as fit
 */
function fitting(drafts) {
  let room = 2 * MAX_DRAFT;
  const kept = drafts.slice(-MAX_DRAFTS).reverse().filter((draft) => (room -= lengthOf(draft)) >= 0);
  return kept.reverse();
}
