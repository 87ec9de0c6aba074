"""Writes docs/options.md from the table of options: python -m tests.docs.options"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from server.option import Option
from server.option_table import options
from server.starter import MODEL_PATH

FILE: Final = Path(__file__).parents[2] / "docs" / "options.md"

HEAD: Final = """# Options of `streamui serve`

`make spec` writes this file from `server/option_table.py`. Each option can also be set as an environment variable; on
the command line it comes first.

    make run ARGS="--port 0 --model path/to/model.gguf"

| option | environment variable | | default |
|---|---|---|---|
"""


def document() -> str:
    """Return the whole document."""
    return HEAD + "".join(map(_row, options({"XDG_DATA_HOME": "~/.local/share"})))


def _row(option: Option) -> str:
    text, default = option.help.rsplit(" (", 1)
    shown = "starter model" if option.default == MODEL_PATH else option.default
    default = default.removesuffix(")").replace("%(default)s", f"`{shown}`" if shown != "" else "none")
    cells = (f"`{option.flag} {option.metavar}`", f"`{option.variable}`", text, default)
    return "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |\n"


if __name__ == "__main__":
    FILE.write_text(document())
