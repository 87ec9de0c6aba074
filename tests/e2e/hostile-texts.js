/** What a hostile or broken model may write. Each text is the whole of an answer. */

/** What must never happen: each of these would call `attacked`, or fetch something. */
const MARKUP = `
<script>attacked()</script>
<img src=x onerror=attacked()> <img src="http://127.0.0.1:9/pixel">
<svg onload=attacked()><script>attacked()</script></svg> <svg><use href="data:image/svg+xml,<svg onload=attacked()>"/></svg>
<math><mtext><table><mglyph><style><img src=x onerror=attacked()></style></mglyph></table></mtext></math>
<iframe srcdoc="<script>parent.attacked()</script>"></iframe> <object data="javascript:attacked()"></object> <embed src="/">
<style>* { display: none; background: url(http://127.0.0.1:9/style) }</style> <link rel=stylesheet href=http://127.0.0.1:9/x.css>
<base href="http://127.0.0.1:9/"> <meta http-equiv="refresh" content="0;url=http://127.0.0.1:9/">
<form action="http://127.0.0.1:9/"><button>Go</button></form> <a href="javascript:attacked()" onclick="attacked()">x</a>
<details open ontoggle=attacked()> <video><source onerror=attacked()></video> <input autofocus onfocus=attacked()>
<template><script>attacked()</script></template> <!-- <script>attacked()</script> --> <![CDATA[<script>attacked()</script>]]>
`;

const LINKS = `
[a](javascript:attacked()) [b](JaVaScRiPt:attacked()) [c](data:text/html,<script>attacked()</script>) [d](vbscript:attacked())
[e](<javascript:attacked()>) [f][g] ![h](javascript:attacked()) ![i](http://127.0.0.1:9/i.png) ![j](data:image/svg+xml,<svg/onload=attacked()>)
<javascript:attacked()> [k](java\\script:attacked()) [l](&#106;avascript:attacked()) [m](\u0001javascript:attacked())
[n](http://127.0.0.1:9/"onmouseover="attacked()) [o](http://a.b "t\\" onclick=\\"attacked()")

[g]: javascript:attacked()
[^1]: <script>attacked()</script>

\`\`\`"><script>attacked()</script>
</code></pre><script>attacked()</script>
\`\`\`

\`\`\`html
<script>attacked()</script><img src=x onerror=attacked()>
\`\`\`

| <script>attacked()</script> | b |
|---|---|
| [x](javascript:attacked()) | <img src=x onerror=attacked()> |

$\\href{javascript:attacked()}{x}$ $\\url{javascript:attacked()}$ $\\includegraphics{http://127.0.0.1:9/k.png}$ $\\htmlData{x=y}{z}$
$\\htmlStyle{background: url(http://127.0.0.1:9/l)}{x}$ $\\rule{99999em}{99999em}$ $\\def\\a{\\a\\a}\\a$ $\\unknown{$ $x^{y^{z^{w}}}$
`;

/** @type {Record<string, string>} by the names of their files */
export const HOSTILE_TEXTS = {
  "markup.md": MARKUP,
  "links.md": LINKS,
  "bidi.md": "\u202Eevil\u202C \u2066x\u2067y [\u202Egnp.exe](http://a.b) `\u202Ecode`\n\n```\n\u202E} if (admin) {\u2066\n```\n",
  "zalgo.md": `# ${"a\u0300\u0301\u0302\u0303\u0304\u0305\u0306\u0307".repeat(5000)}\n\n${"z\u0335\u0336\u0337".repeat(20_000)}`,
  "unclosed.md": "**a *b `c [d](e ~~f\n\n> - ```js\n> let x = `",
  "line.md": "word ".repeat(200_000),
  "solid-line.md": "x".repeat(1_000_000),
  "code-line.md": `\`\`\`js\n${"x = 1; ".repeat(140_000)}\n\`\`\`\n`,
  "code-lines.md": `\`\`\`js\n${"let x = 1; // a comment\n".repeat(5000)}\`\`\`\n`,
  "quotes.md": `${">".repeat(10_000)} x`,
  "brackets.md": `${"[".repeat(10_000)}x${"](".repeat(5000)}\n\n${"![".repeat(5000)}`,
  "emphasis.md": `${"*a **b ".repeat(5000)}${"b** a* ".repeat(5000)}\n\n${"*_".repeat(5000)}a${"_*".repeat(5000)}`,
  "backticks.md": Array.from({ length: 200 }, (_, index) => "`".repeat(index)).join("a"),
  "dashes.md": "-".repeat(500_000),
  "nested-lists.md": Array.from({ length: 1000 }, (_, index) => `${"  ".repeat(index)}- item`).join("\n"),
  "table.md": `| a | b | c |\n|---|---|---|\n${"| x | **y** | `z` |\n".repeat(3000)}`,
  "wide-table.md": `${"| a ".repeat(90)}|\n${"|---".repeat(90)}|\n${`${"| b ".repeat(90)}|\n`.repeat(50)}`,
  "formulas.md": "$\\frac{1}{\\sqrt{x}}$ and ".repeat(300),
};
