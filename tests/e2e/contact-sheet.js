/** A page that shows the pictures of all screens side by side: a section for each screen, a row for each theme, text size and panel. Pure. */

/** @typedef {import("./screen-forms.js").Form} Form */
/** @typedef {{screen: string, file: string, form: Form}} Picture */

const STYLE = `
body { margin: 1rem; background: #888; color: #fff; font: 14px system-ui, sans-serif; }
h2 { margin: 2rem 0 0.5rem; }
div { display: flex; gap: 0.5rem; align-items: start; }
figure { margin: 0 0 0.5rem; }
img { display: block; width: auto; height: 22rem; border: 1px solid #444; }
`;

/**
 * @param {Picture[]} pictures in the order in which they are shown
 * @returns {string} HTML
 */
export function contactSheet(pictures) {
  const screens = grouped(pictures, ({ screen }) => screen);
  const sections = [...screens].map(([screen, all]) => `<h2 id="${screen}">${screen}</h2>\n${rows(all)}`);
  return `<!doctype html>\n<meta charset="utf-8">\n<title>Screens</title>\n<style>${STYLE}</style>\n${sections.join("\n")}\n`;
}

/** @param {Picture[]} pictures */
function rows(pictures) {
  const groups = grouped(pictures, ({ form: { theme, text, hasPanel } }) => `${theme}, ${text} %${hasPanel ? ", panel open" : ""}`);
  return [...groups].map(([name, row]) => `<p>${name}</p>\n<div>${row.map(figure).join("")}</div>`).join("\n");
}

/** @param {Picture} picture */
function figure({ file, form: { width } }) {
  return `<figure><a href="${file}"><img src="${file}" alt="${width} px" loading="lazy"></a><figcaption>${width} px</figcaption></figure>`;
}

/**
 * @template T
 * @param {T[]} items
 * @param {(item: T) => string} keyOf
 * @returns {Map<string, T[]>}
 */
function grouped(items, keyOf) {
  /** @type {Map<string, T[]>} */
  const groups = new Map();
  for (const item of items) groups.set(keyOf(item), [...(groups.get(keyOf(item)) ?? []), item]);
  return groups;
}
