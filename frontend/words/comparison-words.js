/** The page's words for answers that are compared. Pure. */

/** Name of the settings that an answer has unless the user chooses others for it. */
export const CHAT_SETTINGS = "Chat settings";
export const NEXT = "Your next message continues the selected answer.";
export const KEPT = "Answer kept. The others are its versions.";
export const LEAF_TROUBLE = "Couldn't save which answer is shown.";

/**
 * Name each answer by what it has of its own. Equal names get a number.
 * @param {{model: string, preset: string, seed: string}[]} columns "" for what the user has not chosen
 * @returns {string[]}
 */
export function columnLabels(columns) {
  const names = columns.map(({ model, preset, seed }) => [model, preset, seed === "" ? "" : `seed ${seed}`].filter((part) => part !== "").join(" · "));
  return names.map((name, index) => {
    if (name === "") return `Answer ${index + 1}`;
    if (name.startsWith("seed ")) return `Seed ${columns[index]?.seed}`;
    const before = names.slice(0, index).filter((other) => other === name).length;
    return names.indexOf(name) === names.lastIndexOf(name) ? name : `${name} (${before + 1})`;
  });
}
