import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, it } from "node:test";

import { GROUPS, PARAMETERS, describeRange } from "../../../frontend/panels/parameters.js";

/** @typedef {import("../../../frontend/panels/parameters.js").Parameter} Parameter */

const SCHEMA = new URL("../../../protocol/spec/streamui.v1.schema.json", import.meta.url);

/**
 * What the protocol's schema says of a field, in the table's words.
 * @param {any} field
 * @returns {Partial<Parameter>}
 */
function inWords(field) {
  const type = field.anyOf.find((/** @type {{type: string}} */ each) => each.type !== "null");
  const { minimum, exclusiveMinimum: above, maximum } = type.additionalProperties ?? type;
  const said = {
    kind: type.type === "array" ? "strings" : type.type,
    minimum,
    above,
    maximum,
    minItems: type.minItems,
    maxItems: type.maxItems ?? type.maxProperties,
    maxLength: type.items?.maxLength,
    hasNumbers: type.additionalProperties ? true : undefined,
  };
  return withoutGaps(said);
}

/** @param {object} value */
function withoutGaps(value) {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined));
}

describe("PARAMETERS", async () => {
  const params = JSON.parse(await readFile(SCHEMA, "utf8")).$defs.Params.properties;

  it("has every parameter of the protocol, and no other", () => {
    assert.deepEqual(PARAMETERS.map(({ name }) => name).sort(), Object.keys(params).sort());
  });

  for (const parameter of PARAMETERS) {
    it(`has the protocol's range for ${parameter.name}`, () => {
      const { kind, minimum, above, maximum, minItems, maxItems, maxLength, hasNumbers } = parameter;
      const said = withoutGaps({ kind, minimum, above, maximum, minItems, maxItems, maxLength, hasNumbers });
      assert.deepEqual(said, inWords(params[parameter.name]));
    });
  }

  it("has each one in a group, under a name of its own, with a meaning", () => {
    assert.equal(new Set(PARAMETERS.map(({ label }) => label)).size, PARAMETERS.length);
    for (const { group, meaning, standard } of PARAMETERS) {
      assert.ok(GROUPS.includes(group), group);
      assert.match(meaning, /^[A-Z].*\.$/);
      assert.notEqual(standard, "");
    }
  });
});

describe("describeRange", () => {
  /** @param {string} name */
  function range(name) {
    const parameter = PARAMETERS.find((each) => each.name === name);
    assert.ok(parameter);
    return describeRange(parameter);
  }

  it("says which values are taken", () => {
    assert.equal(range("temperature"), "a number from 0 to 2");
    assert.equal(range("repeat_penalty"), "a number above 0, up to 2");
    assert.equal(range("max_tokens"), "a whole number from 1");
    assert.equal(range("seed"), "a whole number from -1");
    assert.equal(range("stop"), "up to 16 lines of up to 256 characters");
    assert.equal(range("logit_bias"), "a JSON object of up to 1,024 token ids and numbers from -100 to 100");
    assert.equal(range("json_schema"), "a JSON object of up to 65,536 bytes");
  });
});
