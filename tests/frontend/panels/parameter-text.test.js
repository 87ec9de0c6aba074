import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { readParameter, writeParameter } from "../../../frontend/panels/parameter-text.js";
import { PARAMETERS } from "../../../frontend/panels/parameters.js";

/** @param {string} name */
function parameter(name) {
  const found = PARAMETERS.find((each) => each.name === name);
  assert.ok(found);
  return found;
}

/**
 * @param {string} name
 * @param {string} text
 */
function read(name, text) {
  return readParameter(parameter(name), text);
}

describe("readParameter", () => {
  it("takes an empty field for the default, of every kind", () => {
    for (const each of PARAMETERS) assert.deepEqual(readParameter(each, " \n "), { value: undefined });
  });

  it("takes numbers up to both ends of their range", () => {
    for (const [text, value] of /** @type {const} */ ([["0", 0], ["2", 2], [" 0.75 ", 0.75], [".5", 0.5], ["1e-1", 0.1], ["+1", 1]])) {
      assert.deepEqual(read("temperature", text), { value }, text);
    }
    assert.deepEqual(read("seed", "4294967295"), { value: 4294967295 });
    assert.deepEqual(read("seed", "-1"), { value: -1 });
  });

  for (const [name, text, problem] of /** @type {const} */ ([
    ["temperature", "3", "Temperature: 3 is too high; give a number from 0 to 2, or leave it empty for the default."],
    ["temperature", "-0.1", "Temperature: -0.1 is too low; give a number from 0 to 2, or leave it empty for the default."],
    ["temperature", "0,7", "Temperature: 0,7 has a comma; write 0.7."],
    ["temperature", "warm", "Temperature: “warm” is no number; give a number from 0 to 2, or leave it empty for the default."],
    ["temperature", "0x1", "Temperature: “0x1” is no number; give a number from 0 to 2, or leave it empty for the default."],
    ["temperature", "Infinity", "Temperature: “Infinity” is no number; give a number from 0 to 2, or leave it empty for the default."],
    ["temperature", "1e999", "Temperature: 1e999 is too high; give a number from 0 to 2, or leave it empty for the default."],
    ["repeat_penalty", "0", "Repeat penalty: 0 is too low; give a number above 0, up to 2, or leave it empty for the default."],
    ["max_tokens", "2.5", "Longest answer: 2.5 is no whole number; give a whole number from 1, or leave it empty for the default."],
    ["max_tokens", "2147483648", "Longest answer: 2147483648 is too high; give a whole number from 1, or leave it empty for the default."],
    ["logit_bias", "[1]", "Token biases: a JSON object is needed, in braces: give a JSON object of up to 1,024 token ids and numbers from -100 to 100, or leave it empty for the default."],
    ["logit_bias", '{"cat": 1}', "Token biases: “cat” is no token id; use digits only."],
    ["logit_bias", '{"7": 101}', "Token biases: token 7 needs a number from -100 to 100."],
    ["logit_bias", '{"7": "1"}', "Token biases: token 7 needs a number from -100 to 100."],
  ])) {
    it(`says what is wrong with ${text} as ${name}`, () => {
      assert.deepEqual(read(name, text), { problem });
    });
  }

  it("says where JSON breaks off", () => {
    const reading = read("json_schema", '{"type": ');
    assert.ok("problem" in reading);
    assert.match(reading.problem, /^JSON schema: this is no JSON \(.+\); mend it, or leave it empty\.$/);
  });

  it("refuses a schema that is longer than the server takes", () => {
    const reading = read("json_schema", JSON.stringify({ description: "x".repeat(65_536) }));
    assert.ok("problem" in reading && reading.problem.includes("65,536 bytes"));
  });

  it("takes one string from each line, with \\n for a line end", () => {
    assert.deepEqual(read("stop", "END\n\n\\n\\n\na\\\\b\n"), { value: ["END", "\n\n", "a\\b"] });
  });

  it("refuses more and longer lines than the server takes", () => {
    assert.deepEqual(read("stop", "x\n".repeat(17)), { problem: "Stop before: 17 lines are too many; keep 16 at most." });
    const reading = read("stop", "x".repeat(257));
    assert.ok("problem" in reading && reading.problem.includes("256 characters at most"));
  });
});

describe("writeParameter", () => {
  it("writes what is read as the same value", () => {
    for (const [name, value] of /** @type {const} */ ([
      ["temperature", 0.7],
      ["seed", -1],
      ["stop", ["END", "\n\n", "\\n", "\ta "]],
      ["logit_bias", { 42: -100 }],
      ["json_schema", { type: "object", properties: { name: { type: "string" } } }],
    ])) {
      assert.deepEqual(read(name, writeParameter(parameter(name), value)), { value }, name);
    }
  });

  it("leaves the field empty where nothing is set", () => {
    assert.equal(writeParameter(parameter("top_p"), undefined), "");
  });
});
