/** The focus, also in a shadow tree, where `document.activeElement` names only the tree's host. */

/**
 * Return the element that has the focus in this node's own tree.
 * @param {Node} node
 * @returns {Element | null}
 */
export function focusedIn(node) {
  const root = node.getRootNode();
  return "activeElement" in root ? /** @type {Document | ShadowRoot} */ (root).activeElement : document.activeElement;
}
