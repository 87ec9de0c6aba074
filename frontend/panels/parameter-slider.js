/** Slider of one sampling parameter. Without a value its thumb is at the default. */

import { create } from "../ui/elements.js";

/** @typedef {import("./parameters.js").Parameter} Parameter */
/** @typedef {import("./parameters.js").Slider} Slider */
/**
 * @typedef {object} ParameterSliderDelegate
 * @property {(value: string) => void} sliderMoved the thumb is being moved
 * @property {() => void} sliderReleased its value is chosen
 */

export class ParameterSlider {
  /**
   * @param {Parameter} parameter
   * @param {Slider} range
   * @param {string} labelId id of the element that names the parameter
   * @param {ParameterSliderDelegate} delegate
   */
  constructor({ name }, { from, to, step }, labelId, delegate) {
    this.element = create("input", {
      type: "range", id: `slider-${name}`, class: "field-slider", min: from, max: to, step, "aria-labelledby": labelId,
    });
    this.element.addEventListener("input", () => this.#moved(delegate));
    this.element.addEventListener("change", () => delegate.sliderReleased());
  }

  /**
   * @param {string} text valid text of the field; "" for the default
   * @param {string} standard the default
   */
  show(text, standard) {
    this.element.value = text || standard;
    this.#describe(text || `${standard} (default)`);
  }

  /** @param {ParameterSliderDelegate} delegate */
  #moved(delegate) {
    this.#describe(this.element.value);
    delegate.sliderMoved(this.element.value);
  }

  /** @param {string} words value in words, since it may be outside of the slider's range */
  #describe(words) {
    this.element.setAttribute("aria-valuetext", words);
  }
}
