/**
 * The test files that run in Chromium alone, each with what it needs that only Chromium's DevTools protocol can do. All
 * others run in every browser. Their names end in .chromium.test.js.
 * @type {Record<string, string>}
 */
export const CHROMIUM_ONLY = {};
