"""Fixture: a small page of a few files, in place of the real one."""

from pathlib import Path

import pytest

FILES = {
    "app.js": 'import { a } from "./a.js";\nimport {\n  b,\n} from "./parts/b.js";\nexport const shown = [a, b];\n',
    "a.js": '/** @typedef {import("./types.js").T} T */\n'
    'export const a = 1;\nexport const b = () => import("./lazy.js");\n',
    "parts/b.js": 'export { a as b } from "../a.js";\n',
    "lazy.js": "export const lazy = 3;\n",
    "types.js": "export {};\n",
    "page.css": '@import "./style.css";\n@import "./styles/more.css";\n',
    "stream-ui.js": 'export { a as StreamUI } from "./a.js";\n',
    "embed.css": '@import "./styles/more.css";\n',
    "style.css": "body { color: red; }\n",
    "styles/more.css": "p { color: blue; }\n",
    "rendering/markdown/highlight-worker.js": 'import { a } from "../../a.js";\npostMessage(a);\n',
    "icon.svg": "<svg/>\n",
}


@pytest.fixture
def frontend(tmp_path: Path) -> Path:
    folder = tmp_path / "frontend"
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


@pytest.fixture
def bundles(tmp_path: Path) -> Path:
    return tmp_path / "build"
