/** The line in a transcript below the messages that the model no longer sees. */

/** @typedef {{text: string}} Boundary */

/**
 * Shows the line below a message, or takes it out.
 * @param {HTMLElement} message its list item
 * @param {Boundary | null} boundary
 */
export function showBoundary(message, boundary) {
  const line = message.querySelector(".boundary");
  if (boundary === null) return line?.remove();
  const shown = line ?? message.appendChild(created());
  if (shown.textContent !== boundary.text) shown.textContent = boundary.text;
}

function created() {
  const line = document.createElement("p");
  line.className = "boundary";
  return line;
}
