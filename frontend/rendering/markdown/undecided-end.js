/**
 * Undecided end of a growing text: marks, or the beginning of an address or name, whose meaning the next characters
 * decide. It isn't shown yet, since it might have to change.
 */

const MARKS = /[*_~`$!\\<]+$/;
const TAG_NAME_OR_COMMAND = /(?:<[A-Za-z/!][^\s<>]{0,100}|&[#\w]{0,31}|\\[a-z]{1,5}(?:\{[a-zA-Z]{0,8}\*?)?)$/;
const SCHEME = /(?:^|[^a-zA-Z\d])(h(?:t(?:t(?:ps?(?::\/{0,2})?)?)?)?|w(?:w(?:w\.?)?)?)$/i;
const SCHEME_END = /[htpsw:/.]$/i;
const PUNCTUATION = /[?!.,:;*_~'")\]]+$/;
/** Punctuation after an address. It belongs to the address only if more of the address follows. */
const BEHIND_ADDRESS = /(?:https?:\/\/|www\.)[^\s<>`]*[?!.,:;*_~'")\]]$/i;
const LONGEST = 400;

/**
 * @param {string} text
 * @returns {string} the text without its undecided end
 */
export function withoutUndecidedEnd(text) {
  const end = text.slice(-LONGEST);
  const found = TAG_NAME_OR_COMMAND.exec(end) ?? MARKS.exec(end);
  if (found) return text.slice(0, text.length - found[0].length).replace(MARKS, "");
  if (PUNCTUATION.test(end) && BEHIND_ADDRESS.test(end)) return text.replace(PUNCTUATION, "");
  const scheme = SCHEME_END.test(end) ? (SCHEME.exec(end)?.[1] ?? "") : "";
  return text.slice(0, text.length - scheme.length);
}
