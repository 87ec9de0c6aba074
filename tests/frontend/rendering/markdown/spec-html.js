/**
 * One notation for what Markdown became, so that the HTML of a specification and the page's own elements can be compared.
 * It leaves out what the page does otherwise everywhere: no loose lists, line ends that are line breaks, levels of headings
 * that follow from each other, links to unsafe or relative addresses as text, images as links, checked addresses.
 */

import { parseHTML } from "linkedom";

/** @typedef {{name: string, values: string, children: string}} Part of the notation */

const BLOCKS = new Set(["p", "ul", "ol", "li", "blockquote", "pre", "table", "thead", "tbody", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "th", "td"]);

/**
 * @param {string} html of a specification
 * @returns {string}
 */
export function expectedNotation(html) {
  const { document } = parseHTML(`<html><body>${html}</body></html>`);
  return notationOfAll(document.body, expectedPart);
}

/**
 * @param {Element} answer as MarkdownText fills it
 * @returns {string}
 */
export function shownNotation(answer) {
  return notationOfAll(answer, shownPart);
}

/**
 * @param {Element} parent
 * @param {(element: Element) => Part | null} partOf null for an element that only its content stands for
 * @returns {string}
 */
function notationOfAll(parent, partOf) {
  const notations = [...parent.childNodes].map((node) => notation(node, partOf));
  return trimmedAroundBlocks(notations.join(""));
}

/**
 * @param {Node} node
 * @param {(element: Element) => Part | null} partOf
 * @returns {string}
 */
function notation(node, partOf) {
  if (node.nodeType === 3) return (node.textContent ?? "").replaceAll("«", "‹").replaceAll("»", "›");
  if (node.nodeType !== 1) return "";
  const element = /** @type {Element} */ (node);
  if (element.localName === "br") return partOf === expectedPart ? "" : "\n";
  const part = partOf(element);
  if (part === null) return notationOfAll(element, partOf);
  const children = part.children || (part.name === "pre" ? "" : notationOfAll(element, partOf));
  if (part.name === "p" && element.parentElement?.localName === "li") return `«¶»${children}«/¶»`;
  return `«${part.name}${part.values}»${children}«/${part.name}»`;
}

/** White space beside the marks of blocks says nothing, nor do paragraphs in items. @param {string} text */
function trimmedAroundBlocks(text) {
  const names = [...BLOCKS, "¶"].join("|");
  return text
    .replace(new RegExp(`\\s*(«/?(?:${names})(?: [^»]*)?»)\\s*`, "g"), "$1")
    .replaceAll(/«\/?¶»/g, "⏎")
    .replaceAll(/⏎*(«\/?(?:li|ul|ol|blockquote|pre|h\d|hr)(?: [^»]*)?»)⏎*/g, "$1")
    .replaceAll(/⏎+/g, "⏎")
    .replaceAll(/«\/input» +/g, "«/input»")
    .replaceAll(/ *\n */g, "\n")
    .trim();
}

/**
 * @param {Element} element
 * @returns {Part | null}
 */
function expectedPart(element) {
  const name = element.localName;
  if (name === "pre") return codePart(/^language-(.*)$/.exec(element.querySelector("code")?.className ?? "")?.[1] ?? "", (element.textContent ?? "").replace(/\n$/, ""));
  if (name === "a") return linkPart("a", element.getAttribute("href") ?? "", element.getAttribute("title") ?? "");
  if (name === "img") return imagePart(element);
  if (name === "td" || name === "th") return { name, values: value(element.getAttribute("align")), children: "" };
  return { name: name, values: name === "ol" ? value(startOf(element)) : taskValue(element), children: "" };
}

/** @param {Element} image */
function imagePart(image) {
  const title = image.getAttribute("title") ?? "";
  const alt = (image.getAttribute("alt") ?? "").trim() || title || "Image";
  return { ...linkPart("img", image.closest("a") ? "" : image.getAttribute("src") ?? "", ""), children: alt };
}

/**
 * @param {Element} element
 * @returns {Part | null}
 */
function shownPart(element) {
  const { localName: name, classList } = element;
  if (classList.contains("code-box")) {
    const language = element.querySelector(".code-language")?.textContent ?? "";
    return codePart(language === "text" ? "" : language, `${element.querySelector("pre")?.textContent}`);
  }
  if (name === "div" || (name === "tbody" && element.childNodes.length === 0)) return null;
  if (classList.contains("heading")) return { name: `h${/heading-(\d)/.exec(element.className)?.[1]}`, values: "", children: "" };
  if (classList.contains("image-name") && !classList.contains("unlinked")) return shownImage(element, "");
  if (classList.contains("image-link")) return shownImage(element, element.getAttribute("href") ?? "");
  if (classList.contains("unlinked")) return shownUnlinked(element);
  if (name === "a") return linkPart("a", element.getAttribute("href") ?? "", element.getAttribute("title") ?? "");
  if (name === "td" || name === "th") return { name, values: value(/align-(\w+)/.exec(element.className)?.[1]), children: "" };
  if (name === "span") return null;
  return { name, values: name === "ol" ? value(startOf(element)) : taskValue(element), children: "" };
}

/** @param {Element} element that stands for a link which the page doesn't make */
function shownUnlinked(element) {
  const address = element.querySelector(":scope > .unlinked-address");
  const href = address?.textContent?.slice(2, -1) ?? "";
  address?.remove();
  if (element.classList.contains("image-name")) return shownImage(element, href);
  return linkPart("a", href, element.getAttribute("title") ?? "");
}

/**
 * @param {Element} element
 * @param {string} href
 */
function shownImage(element, href) {
  element.querySelector(":scope > .image-host")?.remove();
  return { ...linkPart("img", href, ""), children: element.textContent ?? "" };
}

/**
 * @param {string} name
 * @param {string} href
 * @param {string} title
 * @returns {Part}
 */
function linkPart(name, href, title) {
  return { name, values: `${value(normalAddress(href))}${value(title)}`, children: "" };
}

/** @param {string} href */
function normalAddress(href) {
  try {
    return encodeURI(decodeURI(URL.canParse(href) ? new URL(decodeURI(href)).href : href));
  } catch {
    return href;
  }
}

/**
 * @param {string} language
 * @param {string} code
 * @returns {Part}
 */
function codePart(language, code) {
  return { name: "pre", values: value(language), children: code.replaceAll("\n", "␤").replaceAll(" ", "␣") };
}

/** @param {Element} list */
function startOf(list) {
  const start = list.getAttribute("start");
  return start === "1" ? null : start;
}

/** @param {Element} element */
function taskValue(element) {
  if (element.localName !== "input") return "";
  return value(element.hasAttribute("checked") ? "done" : "to do");
}

/** @param {string | null | undefined} text */
function value(text) {
  return text ? ` ${JSON.stringify(text)}` : "";
}
