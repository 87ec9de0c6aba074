/**
 * View of a table, row by row. A long table continues in further tables, so that a new row changes the layout of few
 * others.
 */

import { cellsOf } from "./block-starts.js";
import { InlineView, element } from "./inline-view.js";

/** @typedef {import("./block-parser.js").TableView} Port */
/** @typedef {import("./block-starts.js").Alignment} Alignment */
/** @typedef {import("./inline-view.js").Answer} Answer */

/** Largest number of rows in one table element. */
const MOST_ROWS = 100;
/** Length from which a row is shown only when it is complete, and longest shown part of a cell. UTF-16 units. */
const LONG_ROW = 4000;
const LONGEST_CELL = 8000;

/** @implements {Port} */
export class TableView {
  #box = document.createElement("div");
  #alignments;
  #answer;
  #head;
  #body;
  /** @type {InlineView[]} cells of the current row */
  #cells = [];
  #row = "";
  #rows = 0;
  #isShown = true;

  /**
   * @param {Element} before element after which the table is inserted
   * @param {Alignment[]} alignments alignments of the columns
   * @param {string} head
   * @param {Answer} answer
   */
  constructor(before, alignments, head, answer) {
    this.#alignments = alignments;
    this.#answer = answer;
    this.#head = head;
    this.#box.className = "table-box";
    this.#box.setAttribute("tabindex", "0");
    this.#box.setAttribute("role", "region");
    this.#box.setAttribute("aria-label", "Table");
    before.after(this.#box);
    this.#body = this.#addTable();
  }

  /** @param {string} text text of the current row */
  append(text) {
    this.#row += text;
    this.#isShown = false;
  }

  beginRow() {
    this.#paint(false);
    this.#row = "";
    if (this.#rows === MOST_ROWS) {
      this.#box.lastElementChild?.classList.add("is-full");
      this.#body = this.#addTable();
      this.#rows = 0;
    }
    this.#rows += 1;
    this.#cells = this.#addRow(this.#body, "td");
  }

  show() {
    if (this.#isShown || this.#row.length > LONG_ROW) return;
    this.#isShown = true;
    this.#paint(true);
  }

  close() {
    this.#paint(false);
  }

  /** @param {boolean} isOpen */
  #paint(isOpen) {
    fill(this.#cells, this.#row, isOpen);
  }

  /** @returns {HTMLElement} body of a new table with the same head */
  #addTable() {
    const table = document.createElement("table");
    table.setAttribute("dir", "auto");
    const [head, body] = [document.createElement("thead"), document.createElement("tbody")];
    table.append(head, body);
    const part = element("div", "table-part", "");
    part.append(table);
    this.#box.append(part);
    fill(this.#addRow(head, "th"), this.#head, false);
    return body;
  }

  /**
   * @param {HTMLElement} section
   * @param {"th" | "td"} name
   */
  #addRow(section, name) {
    const row = document.createElement("tr");
    section.append(row);
    return this.#alignments.map((alignment) => {
      const cell = document.createElement(name);
      if (alignment !== "") cell.className = `align-${alignment}`;
      row.append(cell);
      return new InlineView(cell, this.#answer);
    });
  }
}

/**
 * @param {InlineView[]} cells
 * @param {string} row
 * @param {boolean} isOpen
 */
function fill(cells, row, isOpen) {
  const texts = cellsOf(row, cells.length);
  cells.forEach((cell, index) => cell.show(texts[index]?.slice(0, LONGEST_CELL) ?? "", isOpen));
}
