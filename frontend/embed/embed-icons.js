/** Icons of the chat in a foreign page. They have the same paths as the symbols in index.html. */

import { createSvg } from "../ui/elements.js";

/** @type {Record<string, string[]>} paths by the name of the icon */
export const EMBED_ICONS = {
  again: ["M15.5 10a5.5 5.5 0 1 1-1.6-3.9M15.5 3.5v3.5H12"],
  check: ["m4.5 10.5 3.5 3.5 7.5-8"],
  copy: ["M9 7h5a2 2 0 0 1 2 2v5a2 2 0 0 1-2 2H9a2 2 0 0 1-2-2V9a2 2 0 0 1 2-2z", "M13 4.5H6A1.5 1.5 0 0 0 4.5 6v7"],
  down: ["M10 4.5v11M5.5 11l4.5 4.5 4.5-4.5"],
  more: ["M4.5 10h.01M10 10h.01M15.5 10h.01"],
  send: ["M10 15.5v-11M5.5 9 10 4.5 14.5 9"],
  steer: ["M4.5 4.5v4a3 3 0 0 0 3 3h8M11.5 7.5l4 4-4 4"],
  stop: ["M7 5h6a2 2 0 0 1 2 2v6a2 2 0 0 1-2 2H7a2 2 0 0 1-2-2V7a2 2 0 0 1 2-2z"],
};

/** Create the symbols that `icon` refers to. A reference only finds symbols of its own tree. */
export function embedSymbols() {
  const symbols = Object.entries(EMBED_ICONS).map(([name, paths]) => {
    const width = name === "more" ? { "stroke-width": "2.5" } : {};
    return createSvg("symbol", { id: `icon-${name}`, viewBox: "0 0 20 20" }, ...paths.map((d) => createSvg("path", { d, ...width })));
  });
  return createSvg("svg", { class: "pictures", "aria-hidden": "true", focusable: "false" }, ...symbols);
}
