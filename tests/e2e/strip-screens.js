/** Screens that only the README's strip of pictures shows: what a person can do before the model writes. */

import { PanelsPage } from "./panels-page.js";

/** @typedef {import("./screens.js").Screen} Screen */

const PASTED = "Frogs live near water, and they sing at night when it rains. ".repeat(30);

/** @type {Screen[]} */
export const STRIP_SCREENS = [
  {
    name: "drafted",
    arrange: async ({ chat }) => {
      await new PanelsPage(chat.page).open("appearance");
      await chat.paste(PASTED);
      await chat.write("What do frogs do at night?");
    },
  },
];
