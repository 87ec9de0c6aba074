/** What the buttons on blocks of code do: they copy it, and say so for a moment. */

/** How long the button says what it did, in milliseconds. */
const SHOWN_MS = 2000;

export class CopyButton {
  /** @param {Event} event a click anywhere in an answer */
  static async clicked({ target }) {
    const button = target instanceof Element ? target.closest(".code-copy") : null;
    const code = button?.closest(".code-box")?.querySelector("code");
    if (!button || !code) return;
    button.textContent = (await copy(code)) ? "Copied" : "Not copied";
    setTimeout(() => (button.textContent = "Copy"), SHOWN_MS);
  }
}

/**
 * @param {Element} code
 * @returns {Promise<boolean>} whether it worked
 */
async function copy(code) {
  try {
    await navigator.clipboard.writeText(code.textContent ?? "");
    return true;
  } catch {
    return copySelected(code);
  }
}

/**
 * On a page that did not come over HTTPS, nor from this machine, browsers copy only what is selected.
 * @param {Element} code
 */
function copySelected(code) {
  getSelection()?.selectAllChildren(code);
  const isCopied = document.execCommand("copy");
  getSelection()?.removeAllRanges();
  return isCopied;
}
