import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { displayName } from "../../../frontend/rendering/model-name.js";

describe("displayName", () => {
  for (const [raw, expected] of /** @type {const} */ ([
    ["Smollm2 135M 8k Lc100K Mix1 Ep2", "SmolLM2 135M"],
    ["smollm2-360m-instruct", "SmolLM2 360M Instruct"],
    ["SmolLM2-135M-Instruct.Q4_1.gguf", "SmolLM2 135M Instruct"],
    ["Meta Llama 3.1 8B Instruct", "Meta Llama 3.1 8B Instruct"],
    ["mistralai/Mistral-7B-Instruct-v0.3", "Mistral 7B Instruct v0.3"],
    ["tinyllama_tinyllama-1.1b-chat-v1.0", "TinyLlama 1.1B Chat v1.0"],
    ["Mixtral 8X7B Instruct V0.1", "Mixtral 8x7B Instruct v0.1"],
    ["Qwen3-30B-A3B-Instruct-2507-Q4_K_M", "Qwen3 30B A3B Instruct 2507"],
    ["DeepSeek R1 Distill Qwen 1.5B", "DeepSeek R1 Distill Qwen 1.5B"],
    ["gemma-2-2b-it-IQ3_XXS.gguf", "Gemma 2 2B IT"],
    ["gemma-3n-E4B-it", "Gemma 3n E4B IT"],
    ["gpt-oss-20b-mxfp4", "GPT OSS 20B"],
    ["Mistral 7B OpenOrca", "Mistral 7B OpenOrca"],
    ["Phi-3-mini-4k-instruct", "Phi 3 Mini 4k Instruct"],
    ["llama-70b-F16-00001-of-00003.gguf", "Llama 70B"],
    ["stories15M", "Stories15M"],
    ["StreamUI Starter", "StreamUI Starter"],
    ["我的模型 7B", "我的模型 7B"],
    ["7B", "7B"],
    ["Q4_K_M.gguf", "Q4 K M"],
    ["  ", ""],
    [undefined, ""],
  ])) {
    it(`shows ${raw} as ${expected || "nothing"}`, () => {
      assert.equal(displayName(raw), expected);
    });
  }

  it("cuts a long name between two words", () => {
    assert.equal(displayName("A Very Long Name Of A Model That Somebody Merged Out Of Eleven Others"), "A Very Long Name Of A Model That …");
    assert.equal(displayName("x".repeat(99)), `X${"x".repeat(38)}…`);
    assert.equal(displayName("a/".repeat(500)), `${"a/".repeat(19)}a…`);
  });
});
