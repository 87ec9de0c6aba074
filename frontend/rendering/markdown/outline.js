/**
 * The headings of one answer. The page has one of its own above them, and none is more than a level below the one before
 * it, whatever the model writes: who goes from heading to heading relies on that.
 */
export class Outline {
  /** That of the last heading. */
  level = 1;

  /**
   * @param {number} level as it was written, from 1 to 6
   * @returns {HTMLHeadingElement}
   */
  heading(level) {
    this.level = Math.min(level + 1, this.level + 1, 6);
    const heading = /** @type {HTMLHeadingElement} */ (document.createElement(`h${this.level}`));
    heading.className = `heading heading-${level}`;
    return heading;
  }
}
