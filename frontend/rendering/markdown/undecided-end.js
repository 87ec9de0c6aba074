/**
 * The end of a text that still grows, as far as its next character decides what it is: marks, the beginning of an address
 * or of a name. It is not shown before then, since what is shown would have to change.
 */

const MARKS = /[*_~`$!\\<]+$/;
const TAG_NAME_OR_COMMAND = /(?:<[A-Za-z/!][^\s<>]{0,100}|&[#\w]{0,31}|\\[a-z]{1,5}(?:\{[a-zA-Z]{0,8}\*?)?)$/;
const SCHEME = /(?:^|[^a-zA-Z\d])(h(?:t(?:t(?:ps?(?::\/{0,2})?)?)?)?|w(?:w(?:w\.?)?)?)$/i;
const SCHEME_END = /[htpsw:/.]$/i;
const PUNCTUATION = /[?!.,:;*_~'")\]]+$/;
/** Punctuation behind an address belongs to it only if more of it follows. */
const BEHIND_ADDRESS = /(?:https?:\/\/|www\.)[^\s<>`]*[?!.,:;*_~'")\]]$/i;
const LONGEST = 400;

/**
 * @param {string} text
 * @returns {string} without its undecided end
 */
export function withoutUndecidedEnd(text) {
  const end = text.slice(-LONGEST);
  const found = TAG_NAME_OR_COMMAND.exec(end) ?? MARKS.exec(end);
  if (found) return text.slice(0, text.length - found[0].length).replace(MARKS, "");
  if (PUNCTUATION.test(end) && BEHIND_ADDRESS.test(end)) return text.replace(PUNCTUATION, "");
  const scheme = SCHEME_END.test(end) ? (SCHEME.exec(end)?.[1] ?? "") : "";
  return text.slice(0, text.length - scheme.length);
}
