/**
 * Theme, text size, the room that they leave, and whether the sidebar is hidden, before anything is painted: a classic script in the head,
 * since a module would come too late. It alone puts theme, size and room on the page; the event "appearancechange" tells it of changes.
 */

{
  /** With the root path at its end, as all that the page keeps (root-path.js). */
  const KEY = `streamui.appearance.v1${rootPath()}`;
  const SIDEBAR_KEY = `streamui.sidebar.v1${rootPath()}`;
  const GROUND = { light: "#faf9f7", dark: "#131617" };
  /**
   * The width below which the page is laid out in this way, in rem: as on a phone; with the list of conversations as a drawer; with
   * the side panel over the chat. Media queries can't tell, since they measure in the browser's own text size.
   */
  const ROOM = { phone: 36, drawer: 56, cover: 64 };

  /** The path that the server is under: this file is somewhere below its /static/. */
  function rootPath() {
    const { src } = /** @type {HTMLScriptElement} */ (document.currentScript);
    const { pathname } = new URL(src);
    return pathname.slice(0, Math.max(0, pathname.lastIndexOf("/static/")));
  }

  /** @param {string} key @returns {any} */
  const kept = (key) => {
    try {
      return JSON.parse(localStorage.getItem(key) ?? "{}");
    } catch {
      return {};
    }
  };

  const measure = () => {
    const root = document.documentElement;
    const width = root.clientWidth / parseFloat(getComputedStyle(root).fontSize);
    const names = Object.entries(ROOM).flatMap(([name, limit]) => (width < limit ? [name] : []));
    root.dataset["room"] = names.join(" ");
  };

  /** @param {any} appearance */
  const apply = (appearance) => {
    const root = document.documentElement;
    const theme = appearance?.theme === "light" || appearance?.theme === "dark" ? appearance.theme : "system";
    const size = Number(appearance?.textSize);
    root.dataset["theme"] = theme;
    root.style.fontSize = size >= 87.5 && size <= 150 && size !== 100 ? `${size}%` : "";
    for (const meta of document.querySelectorAll('meta[name="theme-color"]')) {
      const scheme = meta.getAttribute("media")?.includes("dark") ? "dark" : "light";
      meta.setAttribute("content", GROUND[/** @type {"light" | "dark"} */ (theme === "system" ? scheme : theme)]);
    }
    measure();
  };

  apply(kept(KEY));
  if (kept(SIDEBAR_KEY) === "collapsed") document.documentElement.dataset["sidebar"] = "collapsed";
  document.addEventListener("appearancechange", (event) => apply(/** @type {CustomEvent} */ (event).detail));
  window.addEventListener("resize", measure);
  window.addEventListener("storage", ({ key }) => {
    if (key === KEY) apply(kept(KEY));
  });
}
