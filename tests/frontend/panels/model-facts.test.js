import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { describeBytes, describeModel } from "../../../frontend/panels/model-facts.js";

describe("describeModel", () => {
  it("says what is known of the model and the limits", () => {
    const model = { name: "Starter", parameters: 5_514_240, context: 2048, template: "gguf", architecture: "llama" };
    assert.deepEqual(describeModel(model, { frame_bytes: 1_048_576, parallel: 4, queued: 256 }), [
      ["Name", "Starter"],
      ["Size", "5.51M parameters"],
      ["Architecture", "llama"],
      ["Context", "2,048 tokens per chat"],
      ["Chat template", "from the model"],
      ["Parallel", "4 (queue 256)"],
      ["Largest message", "1 MiB"],
    ]);
  });

  it("leaves out what isn't", () => {
    assert.deepEqual(describeModel({}, {}), []);
    assert.deepEqual(describeModel({ template: "chatml" }, { parallel: 1 }), [
      ["Chat template", "ChatML (model has none)"],
      ["Parallel", "1"],
    ]);
  });
});

describe("the name", () => {
  it("is short, and given in full as well", () => {
    assert.deepEqual(describeModel({ name: "Smollm2 135M 8k Lc100K Mix1 Ep2" }, {}), [
      ["Name", "SmolLM2 135M"],
      ["Full name", "Smollm2 135M 8k Lc100K Mix1 Ep2"],
    ]);
  });
});

describe("a model that is not loaded", () => {
  it("says what will happen or what went wrong, and what it needs", () => {
    assert.deepEqual(describeModel({ name: "big", title: "Big 7B", state: "on_disk", needs: 5_368_709_120 }, {}), [
      ["Name", "Big 7B"],
      ["Full name", "big"],
      ["State", "loaded when you send a message"],
      ["Memory", "5 GiB while loaded"],
    ]);
    assert.deepEqual(describeModel({ name: "Big", state: "failed", error: "cut off" }, {})[1], ["State", "could not be loaded: cut off"]);
    const away = { name: "Big", state: "failed", error: "Connection refused", template: "upstream" };
    assert.deepEqual(describeModel(away, {})[1], ["State", "behind a server that can't be reached now"]);
  });
});

describe("the chat template", () => {
  it("says so when the operator chose it", () => {
    assert.deepEqual(describeModel({ template: "chosen" }, {}), [["Chat template", "chosen at start"]]);
  });
});

describe("describeBytes", () => {
  it("never says more than there is", () => {
    const sizes = [0, 1023, 1024, 1536, 10_300, 1_048_575, 1_048_576, 3_400_000];
    assert.deepEqual(sizes.map(describeBytes), ["0 bytes", "1023 bytes", "1 KiB", "1.5 KiB", "10 KiB", "1,023 KiB", "1 MiB", "3.2 MiB"]);
  });
});
