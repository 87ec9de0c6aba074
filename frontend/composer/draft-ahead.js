/** Sends the unsent message to the server in pauses of typing, so that the model can read it ahead (PROTOCOL 4.10). */

/** @typedef {import("../connection.js").Clock} Clock */
/** @typedef {import("../connection.js").ConnectionState} ConnectionState */
/** @typedef {import("../guarded-storage.js").Keeping} Keeping */
/** @typedef {import("../protocol/messages.js").Draft} Draft */

export const KEY = "streamui.draft-ahead.v1";
/** Pause of typing after which the message is sent, in milliseconds. */
export const PAUSE_MS = 300;
const NOTHING = '{"type":"draft"}';

/**
 * @param {unknown} value from the browser's storage
 * @returns {boolean} whether unsent messages may be sent to the server
 */
export function readDraftAhead(value) {
  return /** @type {{on?: unknown} | null} */ (value)?.on !== false;
}

/** Owns what the server was last told. */
export class DraftAhead {
  #parts;
  #observer = new AbortController();
  #isOffered = false;
  #told = NOTHING;
  /** @type {unknown} */
  #timer = null;

  /**
   * @param {object} parts
   * @param {EventTarget} parts.input the composer's text field
   * @param {EventTarget} parts.document dispatches `draftaheadchange` when the user has switched this on or off
   * @param {{text: string}} parts.composer `text`: the message as it would be sent; empty while there is none
   * @param {{observe: (observer: (state: ConnectionState) => void) => void, draft: (draft: Draft) => void}} parts.connection
   * @param {Keeping} parts.storage
   * @param {Clock} parts.clock
   */
  constructor(parts) {
    this.#parts = parts;
  }

  /** @param {(text: string) => Draft | null} draftOf makes the draft of a message; null if none can be sent now */
  start(draftOf) {
    const { input, document, connection } = this.#parts;
    const tell = () => this.#tell(draftOf);
    this.#schedule = (delay) => {
      this.#cancel();
      this.#timer = this.#parts.clock.setTimeout(tell, delay);
    };
    const { signal } = this.#observer;
    input.addEventListener("input", (event) => this.#schedule(isTyped(event) ? PAUSE_MS : 0), { signal });
    document.addEventListener("draftaheadchange", () => this.#schedule(0), { signal });
    connection.observe((state) => this.#connectionChanged(state));
  }

  stop() {
    this.#cancel();
    this.#observer.abort();
  }

  /** The conversation has changed: another one is open, an answer has ended, or its settings are others. */
  chatChanged() {
    if (this.#timer === null) this.#schedule(PAUSE_MS);
  }

  /** The message was sent. The server forgets the draft when it accepts the message, and not before. */
  sent() {
    this.#cancel();
    this.#told = NOTHING;
  }

  /** @type {(delay: number) => void} */
  #schedule = () => {};

  /** @param {(text: string) => Draft | null} draftOf */
  #tell(draftOf) {
    this.#timer = null;
    if (!this.#isOffered) return;
    const { composer, storage, connection } = this.#parts;
    const text = readDraftAhead(storage.read(KEY)) ? composer.text : "";
    const draft = (text.trim() === "" ? null : draftOf(text)) ?? { type: "draft" };
    const told = JSON.stringify(draft);
    if (told === this.#told) return;
    this.#told = told;
    connection.draft(draft);
  }

  /** @param {ConnectionState} state */
  #connectionChanged(state) {
    this.#isOffered = state.name === "connected" && (state.welcome.features ?? []).includes("draft");
    this.#told = NOTHING;
    if (this.#isOffered) this.#schedule(PAUSE_MS);
    else this.#cancel();
  }

  #cancel() {
    if (this.#timer !== null) this.#parts.clock.clearTimeout(this.#timer);
    this.#timer = null;
  }
}

/**
 * @param {Event} event
 * @returns {boolean} false for a paste, a new file and a restored text, which come at once and are long
 */
function isTyped(event) {
  const { inputType } = /** @type {InputEvent} */ (event);
  return inputType !== undefined && inputType !== "insertFromPaste" && inputType !== "insertFromDrop";
}
