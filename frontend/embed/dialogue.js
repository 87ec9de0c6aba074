/** Dialogue of the chat in a foreign page: questions with their answers, kept in the page only. Without I/O. */

import { LiveAnswer } from "../conversations/live-answer.js";
import { refusedWords } from "../words/error-words.js";
import * as lines from "../words/status-line.js";

/** @typedef {import("../chat/presenting.js").Shown} Shown */
/** @typedef {import("../protocol/messages.js").Draft} Draft */
/** @typedef {import("../protocol/messages.js").ForkGenerate} ForkGenerate */
/** @typedef {import("../protocol/messages.js").PlainGenerate} PlainGenerate */
/** @typedef {import("../protocol/session.js").GenerationEvent} GenerationEvent */
/** @typedef {import("../words/status-line.js").StatusLine} StatusLine */
/** @typedef {{role: "user" | "assistant", content: string}} DialogueMessage */
/**
 * A question and its answer.
 * @typedef {object} Turn
 * @property {string} id of the question
 * @property {string} question
 * @property {string} generation id of the answer
 * @property {string} log id of the generation whose events the answer gets; "" once another answer gets them
 * @property {LiveAnswer} answer
 * @property {boolean} isRunning
 * @property {string | null} problem code of the reason why the answer is missing or incomplete
 * @property {number} at time of the question, in milliseconds since 1970; 0 if unknown
 * @property {Turn} [forked] the same question with the answer that this one was forked from, until the server accepts it
 */

/** Code of an answer whose log the server no longer has. */
export const LOST = "lost";
const BRANCH = { index: 1, count: 1 };

export class Dialogue {
  /** @type {Turn[]} */
  #turns = [];
  #newId;

  /**
   * @param {() => string} newId
   * @param {DialogueMessage[]} [earlier] messages of an earlier dialogue, to continue it
   */
  constructor(newId, earlier = []) {
    this.#newId = newId;
    for (const { role, content } of earlier) {
      const last = this.#turns.at(-1);
      if (role === "user") this.#turns.push({ ...this.#turn(content), isRunning: false, at: 0 });
      else if (last) last.answer.text = content;
    }
  }

  /** @returns {Turn | undefined} the turn whose answer is being written */
  get running() {
    return this.#turns.find(({ isRunning }) => isRunning);
  }

  /** @returns {Turn | undefined} the newest turn */
  get newest() {
    return this.#turns.at(-1);
  }

  /** Messages so far. An answer without text is left out. */
  get messages() {
    return this.#turns.flatMap(({ question, answer }) => {
      /** @type {DialogueMessage[]} */
      const said = [{ role: "user", content: question }];
      return answer.text === "" ? said : [...said, { role: /** @type {const} */ ("assistant"), content: answer.text }];
    });
  }

  /**
   * Add a question, whose answer is being written from now on.
   * @param {string} text
   * @returns {Turn}
   */
  ask(text) {
    const turn = this.#turn(text);
    this.#turns.push(turn);
    return turn;
  }

  /**
   * Drop the last answer, to have the question answered again.
   * @returns {Turn | undefined}
   */
  askAgain() {
    const last = this.#turns.pop();
    return last && this.ask(last.question);
  }

  /**
   * Begin the last answer again from a place of it. If the server refuses that, or it is stopped before it is sent, the last answer comes back.
   * @param {{seq: number, text?: string}} place
   * @returns {ForkGenerate | undefined} the request for it
   */
  fork({ seq, text }) {
    const last = this.#turns.pop();
    if (!last) return undefined;
    const turn = { ...this.#turn(last.question), id: last.id, at: last.at, forked: last };
    this.#turns.push(turn);
    return { type: "generate", id: turn.log, from: { id: last.log, seq, ...(text === undefined ? {} : { text }) } };
  }

  /**
   * Record an event of a generation.
   * @param {GenerationEvent} event
   * @returns {Turn | undefined} the turn that it belongs to
   */
  receive(event) {
    const turn = this.#turns.find(({ log }) => log === event.id);
    if (!turn) return undefined;
    if (event.type === "steered") return this.#divide(turn, event);
    turn.answer.receive(event);
    if (event.type === "withdrawn") this.#withdraw(turn);
    if (event.type === "accepted") delete turn.forked;
    if (event.type === "rejected") this.#reject(turn, event.error.code);
    if (event.type === "lost") turn.problem = LOST;
    if (turn.answer.done || turn.problem !== null) turn.isRunning = false;
    return turn;
  }

  /**
   * @param {Turn} turn
   * @param {{system?: string, model?: string, params?: Record<string, unknown>}} settings
   * @returns {PlainGenerate}
   */
  requestFor(turn, settings) {
    const { params = {} } = settings;
    return { type: "generate", id: turn.log, messages: this.#said(settings), ...modelOf(settings), params, truncation: "auto" };
  }

  /**
   * @param {string} content unsent question
   * @param {{system?: string, model?: string}} settings
   * @returns {Draft | null} what the server may read ahead; null while an answer is being written
   */
  draftOf(content, settings) {
    if (this.running) return null;
    return { type: "draft", messages: [...this.#said(settings), { role: "user", content }], ...modelOf(settings) };
  }

  /**
   * @param {boolean} isConnected
   * @returns {Shown[]} every message as the transcript shows it
   */
  present(isConnected) {
    const isBusy = this.running !== undefined;
    return this.#turns.flatMap((turn) => {
      const isLast = turn === this.#turns.at(-1) && !isBusy;
      return [presentQuestion(turn), presentAnswer(turn, isLast, describeTurn(turn, isConnected))];
    });
  }

  /**
   * @param {{system?: string}} settings
   * @returns {PlainGenerate["messages"]} the system prompt and all messages
   */
  #said({ system = "" }) {
    const instructions = system === "" ? [] : [{ role: /** @type {const} */ ("system"), content: system }];
    return [...instructions, ...this.messages];
  }

  /** @param {Turn} turn */
  #withdraw(turn) {
    turn.answer.done = { type: "done", id: turn.log, seq: 0, reason: "cancelled" };
    this.#restore(turn);
  }

  /**
   * @param {Turn} turn
   * @param {string} code
   */
  #reject(turn, code) {
    turn.problem = code;
    this.#restore(turn);
  }

  /** Bring back the answer that a fork should have replaced. @param {Turn} turn */
  #restore(turn) {
    if (turn.forked) this.#turns.splice(this.#turns.indexOf(turn), 1, turn.forked);
  }

  /**
   * End an answer at an instruction. The text after it is the answer to that.
   * @param {Turn} turn
   * @param {import("../protocol/messages.js").Steered} steered
   * @returns {Turn} the new turn
   */
  #divide(turn, { id: log, seq, content }) {
    const rest = { ...this.#turn(content), generation: `${log}-${seq}`, log };
    rest.answer.resume(turn.answer);
    turn.isRunning = false;
    turn.log = "";
    this.#turns.splice(this.#turns.indexOf(turn) + 1, 0, rest);
    return rest;
  }

  /**
   * @param {string} question
   * @returns {Turn}
   */
  #turn(question) {
    const [id, generation] = [this.#newId(), this.#newId()];
    return { id, generation, log: generation, question, answer: new LiveAnswer(false), isRunning: true, problem: null, at: Date.now() };
  }
}

/** @param {{model?: string}} settings */
function modelOf({ model }) {
  return model === undefined ? {} : { model };
}

/**
 * Describe the progress of an answer, or its end.
 * @param {Turn} turn
 * @param {boolean} isConnected
 * @returns {StatusLine | null}
 */
export function describeTurn({ answer, isRunning, problem }, isConnected) {
  if (isRunning) return answer.line(isConnected);
  if (problem === LOST) return lines.LOST;
  if (problem !== null) return { tone: "bad", text: refusedWords(problem) };
  return answer.done ? lines.withDropped(lines.describeEnd(answer.done), answer.dropped) : null;
}

/**
 * @param {Turn} turn
 * @returns {Shown}
 */
function presentQuestion({ id, question, at }) {
  return { id, role: "user", text: question, files: [], isGrowing: false, line: null, at, thoughts: [], branch: BRANCH, actions: ["copy"], offers: [] };
}

/**
 * @param {Turn} turn
 * @param {boolean} isLast whether it is the last answer and none is being written
 * @param {StatusLine | null} line
 * @returns {Shown}
 */
function presentAnswer({ generation, answer: { text, done }, isRunning, problem, at }, isLast, line) {
  const isBroken = problem !== null || done?.reason === "failed" || done?.reason === "interrupted";
  return {
    id: generation,
    role: "assistant",
    text,
    isGrowing: isRunning,
    line,
    at: isRunning ? 0 : at,
    thoughts: [],
    branch: BRANCH,
    actions: [...(text === "" ? [] : /** @type {const} */ (["copy", "copy-text"])), ...(isLast ? /** @type {const} */ (["regenerate"]) : [])],
    offers: isLast && isBroken ? ["retry"] : [],
  };
}
