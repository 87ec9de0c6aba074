/**
 * Theme and text size, before anything is painted: a classic script in the head, since a module would come too late.
 * The only place that puts them on the page; afterwards it hears of changes by the event "appearancechange".
 */

{
  const KEY = "streamui.appearance.v1";
  const GROUND = { light: "#faf9f7", dark: "#131617" };

  /** @returns {any} */
  const kept = () => {
    try {
      return JSON.parse(localStorage.getItem(KEY) ?? "{}");
    } catch {
      return {};
    }
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
  };

  apply(kept());
  document.addEventListener("appearancechange", (event) => apply(/** @type {CustomEvent} */ (event).detail));
  window.addEventListener("storage", ({ key }) => {
    if (key === KEY) apply(kept());
  });
}
