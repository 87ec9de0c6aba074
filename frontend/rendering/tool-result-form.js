/** Form below an answer with calls: a field for the result of each call, and a button that sends them. */

import { create, createButton } from "../ui/elements.js";
import { isSendKey } from "../ui/submit-key.js";

/** @typedef {import("../protocol/messages.js").ToolCall} ToolCall */
/** @typedef {import("../protocol/messages.js").ToolResult} ToolResult */

let forms = 0;

export class ToolResultForm {
  #calls;
  #fields;

  /**
   * @param {ToolCall[]} calls
   * @param {ToolResult[]} given results that could not be sent
   * @param {(results: ToolResult[]) => void} send
   */
  constructor(calls, given, send) {
    forms += 1;
    this.#calls = calls;
    this.#fields = calls.map(({ id }, index) => {
      const value = given.find(({ tool_call_id: call }) => call === id)?.content ?? "";
      const field = create("textarea", { id: `tool-result-${forms}-${index}`, class: "field-input", rows: 2, dir: "auto", spellcheck: "false" });
      field.value = value;
      return field;
    });
    const rows = this.#fields.map((field, index) => this.#createRow(field, calls[index]?.function.name ?? ""));
    const label = calls.length === 1 ? "Send result" : "Send results";
    const button = createButton(label, () => this.#submit(send), { class: "offer" });
    this.element = create("div", { class: "tool-results", role: "group", "aria-label": "Results for the model" }, ...rows, button);
    this.element.addEventListener("keydown", (event) => {
      event.stopPropagation(); // arrow keys move between messages elsewhere
      if (isSendKey(event, true)) this.#submit(send); // Enter starts a line, since results are often JSON
    });
  }

  /**
   * @param {HTMLTextAreaElement} field
   * @param {string} name
   */
  #createRow(field, name) {
    return create("div", { class: "tool-result" }, create("label", { for: field.id }, `Result of ${name}`), field);
  }

  /** @param {(results: ToolResult[]) => void} send */
  #submit(send) {
    send(this.#calls.map(({ id }, index) => ({ tool_call_id: id, content: this.#fields[index]?.value ?? "" })));
  }
}
