/** Answers side by side in the open conversation: asks for them, and keeps one. */

import { isAtEnd } from "../conversations/comparisons.js";
import { KEPT, LEAF_TROUBLE } from "../words/comparison-words.js";
import { presentColumns } from "./presenting-columns.js";
import { reportTrouble } from "./trouble.js";

/** @typedef {import("../composer/compare-setup.js").WantedAnswer} WantedAnswer */
/** @typedef {import("../conversations/comparisons.js").Comparison} Comparison */
/** @typedef {import("../conversations/open-conversation.js").OpenConversation} OpenConversation */
/** @typedef {import("../conversations/refusals.js").Circumstances} Circumstances */
/** @typedef {{change: (id: string, change: {leaf: string}) => Promise<unknown>}} Changes */
/**
 * @typedef {object} ComparingHooks
 * @property {() => OpenConversation} open
 * @property {import("./questions.js").Questions["askSeveral"]} ask
 * @property {() => Changes} changes to the open conversation
 * @property {(model: string) => void} choose makes a model the chat's, if the server has it
 * @property {(generations: string[]) => void} stop
 * @property {() => void} show shows the open conversation again
 */

export class Comparing {
  #parts;
  #hooks;

  /**
   * @param {Pick<import("./chat-parts.js").Parts, "comparisons" | "comparison" | "compareSetup" | "outbox" | "announcer" | "toasts" | "composer" | "newId">} parts
   * @param {ComparingHooks} hooks
   */
  constructor(parts, hooks) {
    this.#parts = parts;
    this.#hooks = hooks;
  }

  start() {
    this.#parts.comparisons?.start(() => this.#hooks.show());
    this.#parts.comparison?.start({
      columnSelected: (id) => this.select(id),
      columnStopped: (id) => this.#hooks.stop([id]),
      columnKept: (id) => this.#keep(id),
    });
    this.#parts.compareSetup?.start();
  }

  stop() {
    this.#parts.comparisons?.stop();
    this.#parts.comparison?.stop();
    this.#parts.compareSetup?.stop();
  }

  /** True if the next question is to be answered several times. */
  get isOn() {
    return this.#parts.compareSetup?.isOpen ?? false;
  }

  /**
   * Ask for the answers that the user has set up. The set-up closes: it is for one question.
   * @param {string} content
   */
  ask(content) {
    const { comparisons, compareSetup, newId } = this.#parts;
    const open = this.#hooks.open();
    const wanted = compareSetup?.answers(open.settings) ?? [];
    const answers = wanted.map((answer) => ({ ...answer, generation: newId() }));
    const question = newId();
    const columns = answers.map(({ generation, label }) => ({ id: generation, label }));
    comparisons?.put(open.id, { question, columns, selected: columns[0]?.id ?? "" }, !open.isTemporary);
    compareSetup?.close();
    this.#hooks.ask(content, question, answers.map(({ label: _, ...answer }) => answer));
  }

  /**
   * Continue the selected answer of the conversation's comparison, and none after a question below it.
   * @param {OpenConversation} open
   * @returns {Comparison | undefined} the comparison, if it is to be shown
   */
  arrange(open) {
    const comparison = this.#parts.comparisons?.of(open.id);
    const isShown = comparison !== undefined && isAtEnd(comparison, open) && this.#idsOf(comparison, open).length > 1;
    open.compare(isShown ? this.#idsOf(comparison, open) : []);
    if (!isShown) return undefined;
    if (open.leaf !== comparison.selected && open.tree.find(comparison.selected)) open.choose(comparison.selected);
    return comparison;
  }

  /**
   * @param {OpenConversation} open
   * @param {Circumstances} circumstances
   */
  show(open, circumstances) {
    const comparison = open.compared.length > 0 ? this.#parts.comparisons?.of(open.id) : undefined;
    const parcels = this.#parts.outbox.of(open.id);
    this.#parts.comparison?.show(comparison ? presentColumns(open, parcels, circumstances, comparison) : []);
    this.#parts.compareSetup?.offer(open.takesMessages);
  }

  /**
   * Let the next question continue this answer, if it is one of those that are compared.
   * @param {string} id
   */
  select(id) {
    const open = this.#hooks.open();
    const comparison = this.#parts.comparisons?.of(open.id);
    if (!comparison || comparison.selected === id || !open.tree.find(id) || !open.compared.includes(id)) return;
    this.#parts.comparisons?.put(open.id, { ...comparison, selected: id }, !open.isTemporary);
    this.#hooks.show();
    void this.#keepLeaf(open, id);
  }

  /**
   * Continue the chat with this answer and its model. The other answers are stopped and stay as versions.
   * @param {string} id
   */
  #keep(id) {
    const { comparisons, announcer, composer } = this.#parts;
    const open = this.#hooks.open();
    const others = open.compared.filter((each) => each !== id);
    this.#hooks.stop(others.filter((each) => open.writing.includes(each)));
    comparisons?.remove(open.id);
    open.choose(id);
    const model = open.tree.find(id)?.model;
    if (model !== undefined) this.#hooks.choose(model);
    this.#hooks.show();
    void this.#keepLeaf(open, id);
    announcer.say(KEPT);
    composer.focus();
  }

  /**
   * Answers of a comparison that are in the tree, or that the server has refused.
   * @param {Comparison} comparison
   * @param {OpenConversation} open
   */
  #idsOf({ columns }, open) {
    return columns.flatMap(({ id }) => (open.tree.find(id) || this.#parts.outbox.find(id)?.failure ? [id] : []));
  }

  /**
   * Let the server know which answer is shown, once it has that answer.
   * @param {OpenConversation} open
   * @param {string} leaf
   */
  async #keepLeaf(open, leaf) {
    if (this.#parts.outbox.of(open.id).some(({ failure }) => !failure)) return;
    try {
      await this.#hooks.changes().change(open.id, { leaf });
    } catch (error) {
      reportTrouble(this.#parts.toasts, LEAF_TROUBLE, error, () => void this.#keepLeaf(open, leaf));
    }
  }
}
