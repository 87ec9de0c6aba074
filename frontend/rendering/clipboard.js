/** Copies text, also where the browser gives no clipboard: on plain http from another machine. */

/** @param {string} text @returns {Promise<boolean>} whether it was copied */
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
  // A modal dialog takes the focus away from everything outside of it.
  (focused?.closest("dialog") ?? document.body).append(input);
  input.select();
  const isCopied = document.execCommand("copy");
  input.remove();
  if (focused instanceof HTMLElement) focused.focus();
  return isCopied;
}
