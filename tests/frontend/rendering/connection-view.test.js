import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { ConnectionView } from "../../../frontend/rendering/connection-view.js";
import { FakeClock } from "../fake-clock.js";

describe("The header", () => {
  it("has the model's short name, and the full one as its tooltip", () => {
    const element = () => ({ textContent: "", title: "", dataset: {}, hidden: false });
    const elements = { chip: element(), text: element(), detail: element(), retry: element(), model: element() };
    const view = new ConnectionView(/** @type {any} */ (elements), new FakeClock(), () => true);
    const model = /** @type {any} */ ({ name: "Smollm2 135M 8k Lc100K Mix1 Ep2" });
    view.show({ name: "connected", welcome: { type: "welcome", model }, transport: "websocket" });
    assert.deepEqual([elements.model.textContent, elements.model.title], ["SmolLM2 135M", "Smollm2 135M 8k Lc100K Mix1 Ep2"]);
  });
});
