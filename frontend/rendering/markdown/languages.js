/** Languages that can be highlighted, by the names that models write after a fence. */

/** Language files beside the common set, each with the other names that highlight.js accepts for it. */
const FILES = `
  1c; abnf; accesslog; actionscript as; ada; angelscript asc; apache apacheconf; applescript osascript; arcade;
  arduino ino; armasm arm; asciidoc adoc; aspectj; autohotkey ahk; autoit; avrasm; awk; axapta x++; basic; bnf;
  brainfuck bf; cal; capnproto capnp; ceylon; clean icl dcl; clojure-repl; clojure clj edn; cmake cmake.in;
  coffeescript coffee cson iced; coq; cos cls; crmsh crm pcmk; crystal cr; csp; d; dart; delphi dpr dfm pas pascal;
  django jinja; dns bind zone; dockerfile docker; dos bat batch cmd; dsconfig; dts; dust dst; ebnf; elixir ex exs;
  elm; erb; erlang-repl; erlang erl; excel xlsx xls; fix; flix; fortran f90 f95; freedesktop desktop systemd;
  fsharp fs f#; gams gms; gauss gss; gcode nc; gherkin feature; glsl; gml; golo; gradle; groovy; haml;
  handlebars hbs html.hbs html.handlebars htmlbars; haskell hs; haxe hx; hsp; http https; hy hylang; inform7 i7;
  irpf90; isbl; jboss-cli wildfly-cli; julia-repl jldoctest; julia; lasso ls lassoscript; latex tex; ldif; leaf;
  lisp; livecodeserver; livescript ls; llvm; lsl; mathematica mma wl; matlab; maxima; mel; mercury m moo;
  mipsasm mips; mizar; mojolicious; monkey; moonscript moon; n1ql; nestedtext nt; nginx nginxconf; nim; nix nixos;
  node-repl; nsis; ocaml ml; openscad scad; oxygene; parser3; pf pf.conf; pgsql postgres postgresql; pony;
  powershell pwsh ps ps1; processing pde; profile; prolog; properties; protobuf proto; puppet pp; purebasic pb pbi;
  q k kdb; qml qt; reasonml re; rib; roboconf graph instances; routeros mikrotik; rsl; ruleslanguage; sas; scala;
  scheme scm; scilab sci; smali; smalltalk st; sml ml; sqf; stan stanfuncs; stata do ado; step21 p21 step stp;
  stylus styl; subunit; taggerscript; tap; tcl tk; thrift; tp; twig craftcms; vala; vbscript-html; vbscript vbs;
  verilog v sv svh; vhdl; vim; wren; x86asm; xl tao; xquery xpath xq xqm; zephir zep
`;

/** Names that highlight.js doesn't know, after a language with similar syntax. */
const ALIKE = `
  python py3 python3 py2 cython gdscript gd starlark bazel mojo; python-repl ipython; typescript solidity sol;
  xml vue svelte astro; cpp cuda cu hpp metal; glsl hlsl; rust zig wgsl move; go odin gleam;
  ini hcl terraform tf conf cfg config dotenv env editorconfig gitconfig; sql psql plsql tsql mysql sqlite mariadb bigquery;
  x86asm nasm asm assembly masm gas; armasm aarch64 arm64; json jsonl ndjson json5 jsonc geojson ipynb;
  bash fish ksh; shell terminal; scheme racket rkt; lisp elisp emacs-lisp commonlisp common-lisp; ocaml mli;
  latex bibtex bib; java apex; vbnet vba visualbasic; markdown mdx rmd qmd; yaml docker-compose; objectivec objective-c m;
  dockerfile containerfile; ruby podfile; verilog systemverilog; css postcss; http rest; perl raku; matlab octave;
  fortran f77 f03 f08; elixir heex eex; haskell purescript agda; coq lean lean4
`;

const FURTHER = entriesOf(FILES);
const FURTHER_FILES = new Set(FURTHER.map(([file]) => file));
/** @type {Map<string, string>} languages by name; the first entry of a name counts */
const LANGUAGES = new Map();
for (const [language, ...names] of [...entriesOf(ALIKE), ...FURTHER]) {
  for (const name of names) if (!LANGUAGES.has(name)) LANGUAGES.set(name, language);
}

/**
 * @param {string} name name in lower case
 * @returns {string} the name that highlight.js uses
 */
export function languageOf(name) {
  return LANGUAGES.get(name) ?? name;
}

/** @param {string} language @returns {boolean} true if the language has its own file, outside the common set */
export function isFurther(language) {
  return FURTHER_FILES.has(language);
}

/** @param {string} table @returns {[file: string, ...names: string[]][]} */
function entriesOf(table) {
  return table.split(";").map((entry) => /** @type {[string, ...string[]]} */ (entry.trim().split(/\s+/)));
}
