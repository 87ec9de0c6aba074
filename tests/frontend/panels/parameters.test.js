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

describe("The sliders", () => {
  const bounded = PARAMETERS.filter(({ kind, maximum = Infinity }) => kind === "number" && maximum <= 2);

  it("are there for every number with two near bounds", () => {
    assert.deepEqual(bounded.filter(({ slider }) => !slider).map(({ name }) => name), []);
  });

  for (const { name, slider, minimum = -Infinity, above = -Infinity, maximum = Infinity, standard } of PARAMETERS) {
    if (!slider) continue;
    it(`has valid values alone for ${name}, and its default`, () => {
      const { from, to, step } = slider;
      assert.ok(minimum <= from && above < from && from < to && to <= maximum);
      for (const value of [to, Number(standard)]) {
        const steps = (value - from) / step;
        assert.ok(value >= from && value <= to && Math.abs(steps - Math.round(steps)) < 1e-9, `${value}`);
      }
    });
  }
});

describe("describeRange", () => {
  /** @param {string} name */
  function range(name) {
    const parameter = PARAMETERS.find((each) => each.name === name);
    assert.ok(parameter);
    return describeRange(parameter);
  }

  it("says which values are valid", () => {
    assert.equal(range("temperature"), "0–2");
    assert.equal(range("presence_penalty"), "-2 to 2");
    assert.equal(range("repeat_penalty"), "above 0, up to 2");
    assert.equal(range("max_tokens"), "1 or more");
    assert.equal(range("seed"), "-1 or more");
    assert.equal(range("stop"), "up to 16 lines of 256 characters");
    assert.equal(range("logit_bias"), "up to 1,024 tokens, each -100 to 100");
    assert.equal(range("json_schema"), "up to 64 KiB");
  });
});
