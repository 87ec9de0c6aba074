/** One sampling parameter in the settings: its name, its meaning, and where its value is written. */

import { create, createButton } from "./elements.js";
import { readParameter, writeParameter } from "./parameter-text.js";
import { describeRange } from "./parameters.js";

/** @typedef {import("./parameters.js").Parameter} Parameter */
/** @typedef {{parameterChanged: (name: string, value: unknown) => void}} ParameterFieldDelegate value undefined: the default */

export class ParameterField {
  #parameter;
  #delegate;
  #input;
  #error;
  #reset;
  #problem = "";

  /**
   * @param {Parameter} parameter
   * @param {ParameterFieldDelegate} delegate hears of valid values only
   */
  constructor(parameter, delegate) {
    const id = `parameter-${parameter.name}`;
    this.#parameter = parameter;
    this.#delegate = delegate;
    this.#input = createInput(parameter, id);
    this.#error = create("p", { class: "field-error", id: `${id}-error`, hidden: true });
    this.#reset = createButton("Reset", () => this.#resetPressed(), { "aria-label": `Reset ${parameter.label}`, class: "field-reset" });
    this.element = this.#createElement(id);
    this.#input.addEventListener("change", () => this.commit());
    this.#input.addEventListener("input", () => this.#inputChanged());
    this.show(undefined);
  }

  get name() {
    return this.#parameter.name;
  }

  get group() {
    return this.#parameter.group;
  }

  get label() {
    return this.#parameter.label;
  }

  /** What is wrong with what is written, or "". */
  get problem() {
    return this.#problem;
  }

  /** @param {unknown} value */
  show(value) {
    this.#input.value = writeParameter(this.#parameter, value);
    this.#showProblem("");
  }

  /** The control that a value is typed into. */
  get input() {
    return this.#input;
  }

  /** Takes over what is written, if it is valid. */
  commit() {
    const reading = readParameter(this.#parameter, this.#input.value);
    this.#showProblem("problem" in reading ? reading.problem : "");
    if ("value" in reading) this.#delegate.parameterChanged(this.name, reading.value);
  }

  /** A fault is shown when the field is left, and goes as soon as it is mended. */
  #inputChanged() {
    this.#reset.hidden = this.#input.value === "";
    const reading = readParameter(this.#parameter, this.#input.value);
    if (this.#problem !== "") this.#showProblem("problem" in reading ? reading.problem : "");
  }

  #resetPressed() {
    this.#input.value = "";
    this.commit();
    this.#input.focus();
  }

  /** @param {string} problem */
  #showProblem(problem) {
    this.#problem = problem;
    this.#error.textContent = problem;
    this.#error.hidden = problem === "";
    this.#input.setAttribute("aria-invalid", String(problem !== ""));
    this.#reset.hidden = this.#input.value === "";
  }

  /** @param {string} id */
  #createElement(id) {
    const { label, name, unit, meaning, standard } = this.#parameter;
    const range = describeRange(this.#parameter);
    const facts = `${range[0]?.toUpperCase()}${range.slice(1)}${unit ? ` (${unit})` : ""}. Default: ${standard}.`;
    return create(
      "div",
      { class: "field" },
      create(
        "div",
        { class: "field-head" },
        create("label", { for: id }, label, " ", create("code", {}, name)),
        this.#reset,
      ),
      this.#input,
      create("p", { class: "field-hint", id: `${id}-hint` }, meaning, " ", create("span", { class: "field-facts" }, facts)),
      this.#error,
    );
  }
}

/**
 * @param {Parameter} parameter
 * @param {string} id
 * @returns {HTMLInputElement | HTMLTextAreaElement}
 */
function createInput({ kind, minimum = 0, standard }, id) {
  const attributes = {
    id,
    class: "field-input",
    "aria-describedby": `${id}-hint ${id}-error`,
    placeholder: standard,
    spellcheck: "false",
    autocomplete: "off",
  };
  if (kind === "strings" || kind === "object") return create("textarea", { ...attributes, rows: kind === "object" ? 4 : 2 });
  // Keyboards that bring up digits alone have no minus sign on some telephones.
  const inputmode = minimum < 0 ? "text" : kind === "integer" ? "numeric" : "decimal";
  return create("input", { ...attributes, type: "text", inputmode });
}
