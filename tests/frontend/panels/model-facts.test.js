import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { describeBytes, describeModel } from "../../../frontend/panels/model-facts.js";

describe("describeModel", () => {
  it("says what is known of the model and the limits", () => {
    const model = { name: "Starter", parameters: 5_514_240, context: 2048, template: "gguf", architecture: "llama" };
    assert.deepEqual(describeModel(model, { frame_bytes: 1_048_576, parallel: 4, queued: 256 }), [
      ["Name", "Starter"],
      ["Size", "5.51M parameters"],
      ["Family", "llama"],
      ["Context", "2,048 tokens for one chat"],
      ["Chat template", "the model's own"],
      ["Answers at once", "4, and up to 256 that wait"],
      ["Longest message", "1 MiB"],
    ]);
  });

  it("leaves out what isn't", () => {
    assert.deepEqual(describeModel({}, {}), []);
    assert.deepEqual(describeModel({ template: "chatml" }, { parallel: 1 }), [
      ["Chat template", "ChatML, as the model has none"],
      ["Answers at once", "1"],
    ]);
  });
});

describe("the chat template", () => {
  it("says so when the operator chose it", () => {
    assert.deepEqual(describeModel({ template: "chosen" }, {}), [["Chat template", "chosen when the server was started"]]);
  });
});

describe("describeBytes", () => {
  it("never says more than there is", () => {
    const sizes = [0, 1023, 1024, 1536, 10_300, 1_048_575, 1_048_576, 3_400_000];
    assert.deepEqual(sizes.map(describeBytes), ["0 bytes", "1023 bytes", "1 KiB", "1.5 KiB", "10 KiB", "1,023 KiB", "1 MiB", "3.2 MiB"]);
  });
});
