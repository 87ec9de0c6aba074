/**
 * Script that applies theme, text size, layout width and the hidden sidebar before the first paint. It is a classic
 * script in the head, since a module would run too late. No other script sets theme, text size and layout on the page;
 * the event "appearancechange" reports a change of them.
 */

{
  /** Storage key. It ends with the root path, like all the page's keys (root-path.js). */
  const KEY = `streamui.appearance.v1${rootPath()}`;
  const SIDEBAR_KEY = `streamui.sidebar.v1${rootPath()}`;
  const GROUND = { light: "#faf9f7", dark: "#131617" };
  /**
   * Upper width of each layout, in rem: phone; list of conversations as a drawer; side panel over the chat. Media
   * queries can't be used, since they measure in the browser's own text size.
   */
  const ROOM = { phone: 36, drawer: 56, cover: 64 };

  /** Find the path of the server on its origin: this script is always somewhere below its /static/. */
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
