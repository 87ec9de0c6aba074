/** Row of one sampling parameter in the settings: name, help on demand, slider, value, and a reset after a change. */

import { create, createButton, createSvg } from "../ui/elements.js";
import { ParameterSlider } from "./parameter-slider.js";
import { readParameter, writeParameter } from "./parameter-text.js";
import { describeRange } from "./parameters.js";

/** @typedef {import("./parameters.js").Parameter} Parameter */
/**
 * @typedef {object} ParameterFieldDelegate
 * @property {(name: string, value: unknown) => void} parameterChanged undefined: the default
 * @property {() => void} parameterRejected the text of a field is not valid
 */

const ICON_RESET = "M4.5 4.5v4h4M4.9 8.2a5.6 5.6 0 1 1-.2 3.9";

export class ParameterField {
  #parameter;
  #delegate;
  #input;
  #slider;
  #hint;
  #help;
  #error;
  #reset;
  #problem = "";
  /** Default, of the model or of the server. */
  #standard;

  /**
   * @param {Parameter} parameter
   * @param {ParameterFieldDelegate} delegate
   */
  constructor(parameter, delegate) {
    const id = `parameter-${parameter.name}`;
    const { label, slider } = parameter;
    this.#parameter = parameter;
    this.#delegate = delegate;
    this.#standard = parameter.standard;
    this.#input = createInput(parameter, id);
    this.#slider = slider && new ParameterSlider(parameter, slider, `${id}-label`, this);
    this.#hint = create("p", { class: "field-hint", id: `${id}-hint`, hidden: true }, describe(parameter));
    this.#error = create("p", { class: "field-error", id: `${id}-error`, hidden: true });
    this.#help = createButton("?", () => this.#toggleHint(), {
      class: "field-help", "aria-label": `About ${label}`, "aria-expanded": "false", "aria-controls": `${id}-hint`,
    });
    this.#reset = createReset(label, () => this.#resetPressed());
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

  /** Error that is shown, or "". */
  get problem() {
    return this.#problem;
  }

  /** @param {unknown} value */
  show(value) {
    this.#input.value = writeParameter(this.#parameter, value);
    this.#showProblem("");
    this.#slider?.show(this.#input.value, this.#standard);
  }

  /** @param {number | undefined} recommended default of the current model; undefined: the server's default */
  showDefault(recommended) {
    this.#standard = String(recommended ?? this.#parameter.standard);
    if ("placeholder" in this.#input) this.#input.placeholder = this.#standard;
    if (this.#input.value === "") this.#slider?.show("", this.#standard);
  }

  /**
   * Offer these values of a choice.
   * @param {{value: string, label: string}[]} choices
   */
  offer(choices) {
    const { value } = this.#input;
    this.#input.replaceChildren(...choices.map((choice) => create("option", { value: choice.value }, choice.label)));
    this.#input.value = choices.some((choice) => choice.value === value) ? value : "";
  }

  /** Input element for the value. */
  get input() {
    return this.#input;
  }

  /** Apply the text of the field if it is valid. */
  commit() {
    const reading = readParameter(this.#parameter, this.#input.value);
    this.#showProblem("problem" in reading ? reading.problem : "");
    if ("problem" in reading) return this.#reject();
    this.#showNumber(writeParameter(this.#parameter, reading.value));
    this.#delegate.parameterChanged(this.name, reading.value);
  }

  /** @param {string} value */
  sliderMoved(value) {
    this.#input.value = value;
    this.#showProblem("");
  }

  sliderReleased() {
    this.commit();
  }

  /** Remove the error as soon as the text is valid. A new error is shown only when the field loses the focus. */
  #inputChanged() {
    this.#showChange();
    const reading = readParameter(this.#parameter, this.#input.value);
    if (this.#problem !== "") this.#showProblem("problem" in reading ? reading.problem : "");
  }

  #resetPressed() {
    this.#input.value = "";
    this.commit();
    this.#input.focus();
  }

  /** @param {string} text value in plain decimals: "0.1" for "1e-1" */
  #showNumber(text) {
    if (isNumeric(this.#parameter)) this.#input.value = text;
    this.#slider?.show(text, this.#standard);
  }

  #reject() {
    this.#delegate.parameterRejected();
    this.#error.scrollIntoView({ block: "nearest" });
  }

  #toggleHint() {
    this.#hint.hidden = !this.#hint.hidden;
    this.#help.setAttribute("aria-expanded", String(!this.#hint.hidden));
    if (!this.#hint.hidden) this.#hint.scrollIntoView({ block: "nearest" });
  }

  /** @param {string} problem */
  #showProblem(problem) {
    this.#problem = problem;
    this.#error.textContent = problem;
    this.#error.hidden = problem === "";
    this.#input.setAttribute("aria-invalid", String(problem !== ""));
    this.#showChange();
  }

  #showChange() {
    const isChanged = this.#input.value !== "";
    this.#reset.hidden = !isChanged;
    this.element.dataset["changed"] = String(isChanged);
  }

  /** @param {string} id */
  #createElement(id) {
    const { label } = this.#parameter;
    const name = create("label", { for: id, id: `${id}-label` }, label);
    return create(
      "div",
      { class: "field" },
      create(
        "div",
        { class: `field-row ${rowClass(this.#parameter)}` },
        create("span", { class: "field-name" }, name, this.#help),
        ...(this.#slider ? [this.#slider.element] : []),
        this.#input,
        this.#reset,
      ),
      this.#error,
      this.#hint,
    );
  }
}

/** @param {Parameter} parameter */
function isNumeric({ kind }) {
  return kind === "number" || kind === "integer";
}

/** @param {Parameter} parameter */
function rowClass(parameter) {
  if (!isNumeric(parameter)) return "field-row-text";
  return parameter.slider ? "field-row-slider" : "field-row-value";
}

/** @param {Parameter} parameter */
function describe(parameter) {
  if (parameter.kind === "choice") return parameter.meaning;
  const range = describeRange(parameter);
  return `${parameter.meaning} ${isNumeric(parameter) ? `Range: ${range}` : range.replace("up", "Up")}.`;
}

/**
 * @param {string} label
 * @param {() => void} pressed
 */
function createReset(label, pressed) {
  const button = createButton("", pressed, { class: "field-reset", "aria-label": `Reset ${label}`, title: "Reset" });
  button.append(createSvg("svg", { class: "icon", viewBox: "0 0 20 20", "aria-hidden": "true" }, createSvg("path", { d: ICON_RESET })));
  return button;
}

/**
 * @param {Parameter} parameter
 * @param {string} id
 * @returns {HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement}
 */
function createInput(parameter, id) {
  const { kind, minimum = 0, standard } = parameter;
  if (kind === "choice") return create("select", { id, class: "field-input", "aria-describedby": `${id}-hint ${id}-error` });
  const attributes = {
    id,
    class: "field-input",
    "aria-describedby": `${id}-hint ${id}-error`,
    placeholder: standard,
    spellcheck: "false",
    autocomplete: "off",
  };
  if (!isNumeric(parameter)) return create("textarea", { ...attributes, dir: kind === "strings" ? "auto" : "ltr", rows: kind === "strings" ? 2 : kind === "tools" ? 8 : 3 });
  // On some phones the keyboard for digits has no minus sign.
  const inputmode = minimum < 0 ? "text" : kind === "integer" ? "numeric" : "decimal";
  return create("input", { ...attributes, dir: "ltr", type: "text", inputmode });
}
