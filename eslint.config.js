import js from "@eslint/js";
import globals from "globals";

export default [
  { ignores: ["build/", "dist/", "node_modules/", ".venv*/"] },
  js.configs.recommended,
  {
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "eqeqeq": "error",
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-unused-vars": ["error", { argsIgnorePattern: "^_" }],
      "no-var": "error",
      "prefer-const": "error",
      // Text of a model or of a user reaches the page as text nodes only.
      "no-restricted-properties": [
        "error",
        ...["innerHTML", "outerHTML", "insertAdjacentHTML"].map((property) => ({ property })),
      ],
    },
  },
  { files: ["frontend/**/*.js"], languageOptions: { globals: globals.browser } },
  // The browser tests hand functions to the page, where the browser's names are.
  { files: ["tests/**/*.js"], languageOptions: { globals: { ...globals.node, ...globals.browser } } },
  // These only compare what was rendered.
  { files: ["tests/frontend/**/*.js"], rules: { "no-restricted-properties": "off" } },
  { files: ["*.config.js"], languageOptions: { globals: globals.node } },
];
