import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { decodeText } from "../../../frontend/composer/text-encoding.js";
import { bytes } from "./files.js";

const WESTERN = "Western (Windows-1252)";

describe("decodeText", () => {
  /** @type {[what: string, content: string, expected: ReturnType<typeof decodeText>][]} */
  const files = [
    ["UTF-8", "\xc3\xa9", { text: "é" }],
    ["UTF-8 with a mark", "\xef\xbb\xbf\xc3\xa9", { text: "é" }],
    ["UTF-16, little-endian", "\xff\xfe\xe9\0\r\0\n\0", { text: "é\n" }],
    ["UTF-16, big-endian", "\xfe\xff\0\xe9\x4e\x2d", { text: "é中" }],
    ["UTF-16 without a mark", "a\0b\0c\0\n\0", { text: "abc\n" }],
    ["UTF-16 without a mark, big-endian", "\0a\0b\0c\0\n", { text: "abc\n" }],
    ["UTF-32", "\xff\xfe\0\0\xe9\0\0\0\x42\xf6\x01\0", { text: "é🙂" }],
    ["half a character of UTF-16", "\xff\xfe\xe9", "unknown"],
    ["Latin-1", "na\xefve d\xe9j\xe0 vu", { text: "naïve déjà vu", guess: WESTERN }],
    ["Shift JIS", "\x93\xfa\x96\x7b\x8c\xea", "unknown"],
    ["EUC-JP", "\xc6\xfc\xcb\xdc\xb8\xec", "unknown"],
    ["GBK", "\xd6\xd0\xce\xc4", "unknown"],
    ["Windows-1251", "\xcf\xf0\xe8\xe2\xe5\xf2", "unknown"],
    ["a terminal's colours and backspaces", `${"text ".repeat(30)}\x1b[31mred\x1b[0m\b`, { text: `${"text ".repeat(30)}\x1b[31mred\x1b[0m\b` }],
    ["a DOS file's last character", "a\r\n\x1a", { text: "a\n" }],
    ["zeros", "a\0b", "binary"],
    ["control characters", "\x01\x02\x03", "binary"],
    ["nothing", "", { text: "" }],
  ];
  for (const [what, content, expected] of files) {
    it(`tells ${what}`, () => {
      assert.deepEqual(decodeText(bytes(content)), expected);
    });
  }
});
