/** What two tabs of one browser have in common: keys and values, and word of each other's changes. */

/** @typedef {import("../../frontend/guarded-storage.js").Keeping} Keeping */

export class FakeBrowser {
  /** @type {Map<string, string>} */
  values = new Map();
  /** @type {FakeTab[]} */
  tabs = [];

  openTab() {
    const tab = new FakeTab(this);
    this.tabs.push(tab);
    return tab;
  }
}

/** One tab: its storage, and what stands for its window. @implements {Keeping} */
export class FakeTab extends EventTarget {
  writes = 0;

  /** @param {FakeBrowser} browser */
  constructor(browser) {
    super();
    this.browser = browser;
  }

  /** @param {string} key */
  read(key) {
    return JSON.parse(this.browser.values.get(key) ?? "null");
  }

  /**
   * @param {string} key
   * @param {unknown} value
   */
  write(key, value) {
    this.writes += 1;
    const newValue = JSON.stringify(value);
    const oldValue = this.browser.values.get(key) ?? null;
    this.browser.values.set(key, newValue);
    for (const tab of this.browser.tabs) {
      if (tab !== this) tab.dispatchEvent(Object.assign(new Event("storage"), { key, oldValue, newValue }));
    }
  }
}
