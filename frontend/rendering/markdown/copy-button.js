/** Copy buttons on code blocks: copy the code, and show the result for a moment. */

/** Time for which the button shows the result, in milliseconds. */
const SHOWN_MS = 2000;

export class CopyButton {
  /** @param {Event} event click anywhere in an answer */
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
 * @returns {Promise<boolean>} true if the code was copied
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
 * Copy by selection: on a page from another machine without HTTPS, browsers have no clipboard API.
 * @param {Element} code
 */
function copySelected(code) {
  getSelection()?.selectAllChildren(code);
  const isCopied = document.execCommand("copy");
  getSelection()?.removeAllRanges();
  return isCopied;
}
