import assert from "node:assert/strict";
import { access, readdir } from "node:fs/promises";
import { describe, it } from "node:test";

import { isFurther, languageOf } from "../../../../frontend/rendering/markdown/languages.js";

const LIBRARY = new URL("../../../../node_modules/@highlightjs/cdn-assets/es/", import.meta.url);
const FOLDER = new URL("languages/", LIBRARY);
const { default: highlight } = await import(new URL("highlight.min.js", LIBRARY).href);

describe("Languages of code", () => {
  it("are all those that highlight.js has", async () => {
    for (const file of await readdir(FOLDER)) {
      const language = /^(.+)\.min\.js$/.exec(file)?.[1];
      if (language) assert.ok(highlight.getLanguage(language) || isFurther(language), language);
    }
  });

  /** @type {[name: string, language: string][]} */
  const names = [
    ["py3", "python"], ["nasm", "x86asm"], ["asm", "x86asm"], ["zig", "rust"], ["vue", "xml"], ["svelte", "xml"], ["cuda", "cpp"],
    ["solidity", "typescript"], ["hcl", "ini"], ["tf", "ini"], ["psql", "sql"], ["ps1", "powershell"], ["docker", "dockerfile"],
    ["tex", "latex"], ["proto", "protobuf"], ["rkt", "scheme"], ["ml", "ocaml"], ["f#", "fsharp"], ["jsonc", "json"],
    ["glsl", "glsl"], ["tcl", "tcl"], ["d", "d"], ["js", "js"], ["no-such-language", "no-such-language"],
  ];
  for (const [name, language] of names) {
    it(`${name} is coloured as ${language}`, async () => {
      assert.equal(languageOf(name), language);
      if (isFurther(language)) await access(new URL(`${language}.min.js`, FOLDER));
    });
  }
});
