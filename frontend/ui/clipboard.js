/** Clipboard access that also works without the clipboard API, as on plain http from another machine. */

/** Copy text to the clipboard. @param {string} text @returns {Promise<boolean>} true if the text was copied */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

/** @param {string} text */
function copyBySelection(text) {
  const focused = document.activeElement;
  const input = document.createElement("textarea");
  input.value = text;
  input.className = "visually-hidden";
  // While a modal dialog is open, elements outside it can't have the focus.
  (focused?.closest("dialog") ?? document.body).append(input);
  input.select();
  const isCopied = document.execCommand("copy");
  input.remove();
  if (focused instanceof HTMLElement) focused.focus();
  return isCopied;
}
