/** Makes PDFs, good and bad ones. Their content is Latin-1: a character stands for a byte. */

import { deflateSync } from "node:zlib";

import { bytes } from "./files.js";

const CATALOG = "<</Type/Catalog/Pages 2 0 R>>";
const HELVETICA = "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>";

/**
 * @param {string[]} objects numbered from 1; the first one is the catalog
 * @param {string} [trailer] further entries
 */
export function pdf(objects, trailer = "") {
  let content = "%PDF-1.7\n";
  const places = objects.map((object, index) => {
    const place = content.length;
    content += `${index + 1} 0 obj\n${object}\nendobj\n`;
    return `${String(place).padStart(10, "0")} 00000 n \n`;
  });
  const size = objects.length + 1;
  const table = `xref\n0 ${size}\n0000000000 65535 f \n${places.join("")}`;
  return bytes(`${content}${table}trailer\n<</Size ${size}/Root 1 0 R${trailer}>>\nstartxref\n${content.length}\n%%EOF\n`);
}

/**
 * @param {string} content
 * @param {string} [entries] of its dictionary
 */
export function stream(content, entries = "") {
  return `<<${entries}/Length ${content.length}>>\nstream\n${content}\nendstream`;
}

/** @param {string} content */
export function deflated(content) {
  return stream(deflateSync(Buffer.from(content, "latin1")).toString("latin1"), "/Filter/FlateDecode");
}

/**
 * @param {string[]} contents stream of each page, as an object
 * @param {string} [font]
 * @param {string} [trailer]
 */
export function pagesPdf(contents, font = HELVETICA, trailer = "") {
  const kids = contents.map((_, index) => `${4 + 2 * index} 0 R`).join(" ");
  const pages = contents.flatMap((content, index) => [
    `<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Resources<</Font<</F 3 0 R>>>>/Contents ${5 + 2 * index} 0 R>>`,
    content,
  ]);
  return pdf([CATALOG, `<</Type/Pages/Count ${contents.length}/Kids[${kids}]>>`, font, ...pages], trailer);
}

/** @param {string[][]} pages the lines of each; an empty line is a gap */
export function textPdf(pages) {
  const shown = (/** @type {string} */ line) => `(${line.replace(/[()\\]/g, "\\$&")}) Tj T*`;
  return pagesPdf(pages.map((lines) => deflated(`BT /F 12 Tf 14 TL 72 720 Td ${lines.map(shown).join(" ")} ET`)));
}
