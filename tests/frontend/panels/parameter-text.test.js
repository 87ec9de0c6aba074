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
    for (const [text, value] of /** @type {const} */ ([["0", 0], ["2", 2], [" 0.75 ", 0.75], [".5", 0.5], ["1e-1", 0.1], ["+1", 1], ["１．５", 1.5]])) {
      assert.deepEqual(read("temperature", text), { value }, text);
    }
    assert.deepEqual(read("seed", "4294967295"), { value: 4294967295 });
    for (const minus of ["-", "−", "－"]) assert.deepEqual(read("seed", `${minus}1`), { value: -1 });
  });

  for (const [name, text, problem] of /** @type {const} */ ([
    ["temperature", "7", "Must be 0–2"],
    ["temperature", "-0.1", "Must be 0–2"],
    ["temperature", "0,7", "Use a point: 0.7"],
    ["temperature", "warm", "Must be a number, 0–2"],
    ["temperature", "0x1", "Must be a number, 0–2"],
    ["temperature", "Infinity", "Must be a number, 0–2"],
    ["temperature", "NaN", "Must be a number, 0–2"],
    ["temperature", "1e999", "Must be 0–2"],
    ["presence_penalty", "3", "Must be -2 to 2"],
    ["repeat_penalty", "0", "Must be above 0, up to 2"],
    ["max_tokens", "0", "Must be 1 or more"],
    ["max_tokens", "many", "Must be a number, 1 or more"],
    ["max_tokens", "2.5", "Must be a whole number"],
    ["max_tokens", "2147483648", "Must be 1–2,147,483,647"],
    ["max_tokens", "1,000", "Leave out the commas: 1000"],
    ["max_tokens", "1,000,000", "Leave out the commas: 1000000"],
    ["seed", "-2", "Must be -1 or more"],
    ["seed", "4294967296", "Must be -1 to 4,294,967,295"],
    ["json_schema", '{"type": ', "Not valid JSON"],
    ["json_schema", "{'type': 'object'}", "Not valid JSON"],
    ["json_schema", "[1]", "Must be a JSON object: {…}"],
    ["logit_bias", "null", "Must be a JSON object: {…}"],
    ["logit_bias", '{"cat": 1}', "“cat” is not a token id. Use digits only"],
    ["logit_bias", '{"7": 101}', "Token 7 must be -100 to 100"],
    ["logit_bias", '{"7": "1"}', "Token 7 must be -100 to 100"],
    ["json_schema", JSON.stringify({ description: "x".repeat(65_536) }), "Too long: up to 64 KiB"],
    ["logit_bias", JSON.stringify(Object.fromEntries(Array.from({ length: 1025 }, (_, id) => [id, 1]))), "Too many tokens: 1,025 of 1,024"],
    ["stop", "x\n".repeat(17), "Too many lines: 17 of 16"],
    ["stop", "x".repeat(257), `Max 256 characters per line: “${"x".repeat(40)}…”`],
  ])) {
    it(`says what is wrong with ${text.slice(0, 40)} as ${name}`, () => {
      assert.deepEqual(read(name, text), { problem });
    });
  }

  it("takes one string from each line, with \\n for a line end", () => {
    assert.deepEqual(read("stop", "END\n\n\\n\\n\na\\\\b\n"), { value: ["END", "\n\n", "a\\b"] });
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
