/**
 * The test files that run in Chromium alone, each with what it needs that only Chromium's DevTools protocol can do. All
 * others run in every browser. Their names end in .chromium.test.js.
 * @type {Record<string, string>}
 */
export const CHROMIUM_ONLY = {
  "composer.chromium.test.js": "slows the processor down, opens a file chooser, takes the network away from a service worker",
  "first-paint.chromium.test.js": "runs a script before the page's own",
  "long-conversation.chromium.test.js": "measures how long the browser computes, whatever else the machine does",
  "new-page.chromium.test.js": "tests how the driver of Chromium uses its storage again, and grants a permission",
  "page-machine.chromium.test.js": "takes long, and what it looks for is the same in each browser",
  "forced-colors.chromium.test.js": "has the system force its colours",
  "screens.chromium.test.js": "changes the system's theme while the page is open, and the same in each browser",
  "geometry.chromium.test.js": "changes the window's width some 500 times, which is slow elsewhere, and the same in each browser",
  "print.chromium.test.js": "prints the page to a PDF",
  "settings-chips.chromium.test.js": "uses what the page does alike in each browser",
  "start.chromium.test.js": "counts requests, and the bytes of their responses on the wire",
  "touch.chromium.test.js": "has the system pretend a touch screen",
  "markdown.chromium.test.js": "sees each request that the browser sends, may read the clipboard",
};
