/**
 * An answer as plain text: what the reader sees, without marks and buttons. It is read from the elements: a browser's
 * `innerText` leaves out what is not in view and so not laid out (https://drafts.csswg.org/css-contain/#content-visibility).
 */

/** @param {Element} element as MarkdownText fills it @returns {string} */
export function plainText(element) {
  return blocksText(element, "\n\n");
}

/**
 * @param {Element} container
 * @param {string} gap between two of its blocks
 */
function blocksText(container, gap) {
  let text = "";
  for (const block of blocksOf(container)) {
    const next = blockText(block);
    if (next !== "") text += (text === "" ? "" : gapBefore(block, gap)) + next;
  }
  return text;
}

/**
 * Its blocks, out of the groups in which they stand.
 * @param {Element} container
 * @returns {Generator<Element>}
 */
function* blocksOf(container) {
  for (const child of container.children) {
    if (child.classList.contains("blocks")) yield* blocksOf(child);
    else yield child;
  }
}

/**
 * A long paragraph or list stands there in several pieces.
 * @param {Element} block
 * @param {string} gap
 */
function gapBefore(block, gap) {
  if (!block.classList.contains("continued")) return gap;
  return block.localName === "p" ? "" : "\n";
}

/** @param {Element} block @returns {string} */
function blockText(block) {
  switch (block.localName) {
    case "ul":
    case "ol":
      return listText(block);
    case "div":
      return boxText(block);
    case "blockquote":
      return blocksText(block, "\n\n");
    case "details":
      return block.hasAttribute("open") ? blocksText(block, "\n\n") : "";
    default:
      return inlineText(block);
  }
}

/** @param {Element} box */
function boxText(box) {
  if (box.classList.contains("code-box")) return (box.querySelector("pre")?.textContent ?? "").replace(/\n$/, "");
  if (box.classList.contains("table-box")) return tableText(box);
  return blocksText(box, "\n\n");
}

/** Rows with tabs between their cells. The head is there again for each piece of a long table. @param {Element} box */
function tableText(box) {
  const rows = [...(box.querySelector("thead")?.children ?? []), ...box.querySelectorAll("tbody > tr")];
  return rows.map((row) => [...row.children].map(inlineText).join("\t")).join("\n");
}

/** Its items with a dash or a number, and what belongs to an item below its first word. @param {Element} list */
function listText(list) {
  const start = Number(list.getAttribute("start") ?? 1);
  const items = [...list.children].map((item, index) => {
    const mark = list.localName === "ol" ? `${start + index}. ` : "- ";
    return mark + blocksText(item, "\n").replaceAll("\n", `\n${" ".repeat(mark.length)}`);
  });
  return items.join("\n");
}

/** @param {Node} node @returns {string} */
function inlineText(node) {
  if (!isElement(node)) return node.textContent ?? "";
  if (node.localName === "br") return "\n";
  if (node.localName === "input") return node.hasAttribute("checked") ? "[x] " : "[ ] ";
  if (node.classList.contains("footnote-mark")) return footnoteMark(node);
  // Of a formula its TeX, which KaTeX keeps there.
  const tex = node.classList.contains("math") ? node.querySelector("annotation")?.textContent : null;
  return tex?.trim() ?? [...node.childNodes].map(inlineText).join("");
}

/** Parted from the text of the footnote itself, as a number is. @param {Element} mark */
function footnoteMark(mark) {
  return `[${mark.textContent}]${mark.closest("p")?.parentElement?.classList.contains("footnote") && !mark.previousSibling ? " " : ""}`;
}

/** @param {Node} node @returns {node is Element} */
function isElement(node) {
  return node.nodeType === 1;
}
