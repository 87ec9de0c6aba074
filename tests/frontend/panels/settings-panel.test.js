import assert from "node:assert/strict";
import { after, before, beforeEach, describe, it } from "node:test";

import { Presets } from "../../../frontend/panels/presets.js";
import { SettingsPanel } from "../../../frontend/panels/settings-panel.js";
import { FakeBrowser } from "../fake-storage.js";
import { installDocument, removeDocument } from "../rendering/rendered.js";

/** @typedef {import("../../../frontend/panels/settings.js").Settings} Settings */

describe("The settings panel", () => {
  /** @type {SettingsPanel} */
  let panel;
  /** @type {string[]} ids of the elements that were scrolled into view and focused */
  let events;
  /** @type {Settings[]} */
  let changes;

  before(installDocument);
  after(removeDocument);

  beforeEach(() => {
    events = [];
    changes = [];
    panel = new SettingsPanel(new Presets(new FakeBrowser().openTab()), async () => {}, {
      settingsChanged: (settings) => changes.push(settings),
    });
    document.body.replaceChildren(panel.element);
    for (const field of panel.element.querySelectorAll("input, textarea")) {
      Object.assign(field, {
        focus: () => events.push(`focus ${field.id}`),
        scrollIntoView: () => events.push(`scroll ${field.id}`),
      });
    }
  });

  it("reveals one field: unfolds its group, scrolls to it, focuses it", () => {
    panel.reveal("json_schema");
    assert.ok(document.getElementById("parameter-json_schema")?.closest("details")?.hasAttribute("open"));
    assert.deepEqual(events, ["scroll parameter-json_schema", "focus parameter-json_schema"]);
    panel.reveal("system");
    assert.deepEqual(events.slice(2), ["scroll system-prompt", "focus system-prompt"]);
    panel.reveal("unheard_of");
    assert.equal(events.length, 4);
  });
});
