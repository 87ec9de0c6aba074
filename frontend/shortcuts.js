/** The keys that the page obeys, for whoever acts on them and for the list under `?`. */

/**
 * @typedef {object} Shortcut
 * @property {string[]} keys to be pressed together, as they are named in the list
 * @property {string} label what they do
 */

/** @type {Shortcut[]} */
export const SHORTCUTS = [
  { keys: ["Enter"], label: "Send the message" },
  { keys: ["Shift", "Enter"], label: "Start a new line" },
  { keys: ["Esc"], label: "Stop the answer, or close what is open" },
  { keys: ["?"], label: "Show this list, outside of text fields" },
];
