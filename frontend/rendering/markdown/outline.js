/**
 * Heading levels of one answer. Its headings are below the page's own heading, and never skip a level, whatever the
 * model writes: screen reader users move from heading to heading.
 */
export class Outline {
  /** Level of the last heading. */
  level = 1;

  /**
   * @param {number} level level in the source, from 1 to 6
   * @returns {HTMLHeadingElement}
   */
  heading(level) {
    this.level = Math.min(level + 1, this.level + 1, 6);
    const heading = /** @type {HTMLHeadingElement} */ (document.createElement(`h${this.level}`));
    heading.className = `heading heading-${level}`;
    return heading;
  }
}
