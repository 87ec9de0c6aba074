/**
 * Plain text of an answer: the visible text without marks and buttons. It is read from the elements, since `innerText`
 * skips content outside the viewport that isn't laid out (https://drafts.csswg.org/css-contain/#content-visibility).
 */

/** @param {Element} element filled by MarkdownText @returns {string} */
export function plainText(element) {
  return blocksText(element, "\n\n");
}

/**
 * @param {Element} container
 * @param {string} gap text between two blocks
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
 * Iterate over the blocks, including those in groups.
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
 * Return the gap before a block. There is none inside a long paragraph or list that is split into several elements.
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

/**
 * Return a table's rows, with tabs between the cells. Of a long table with several heads, only the first head counts.
 * @param {Element} box
 */
function tableText(box) {
  const rows = [...(box.querySelector("thead")?.children ?? []), ...box.querySelectorAll("tbody > tr")];
  return rows.map((row) => [...row.children].map(inlineText).join("\t")).join("\n");
}

/**
 * Return a list's items with a dash or number; further blocks of an item are indented to its text.
 * @param {Element} list
 */
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
  // KaTeX keeps a formula's TeX source in an annotation.
  const tex = node.classList.contains("math") ? node.querySelector("annotation")?.textContent : null;
  return tex?.trim() ?? [...node.childNodes].map(inlineText).join("");
}

/** Return a footnote's mark; at the beginning of the footnote itself, with a space after it. @param {Element} mark */
function footnoteMark(mark) {
  return `[${mark.textContent}]${mark.closest("p")?.parentElement?.classList.contains("footnote") && !mark.previousSibling ? " " : ""}`;
}

/** @param {Node} node @returns {node is Element} */
function isElement(node) {
  return node.nodeType === 1;
}
