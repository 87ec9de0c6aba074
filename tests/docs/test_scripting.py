"""The recipes of docs/scripting.md and the README's example, run unchanged against the real server.

Only the address is replaced. The block below a recipe is its expected output. In it, … matches any text; on a line of
its own it matches any number of lines, also none, since the number of tokens in a frame depends on timing.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.docs.conftest import environment, slow_if_needed

ROOT = Path(__file__).parents[2]
ADDRESS = "127.0.0.1:8000"
DEADLINE = 120.0

BLOCK = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ESCAPES = re.compile(r"\x1b(?:[78]|\[[0-9;]*[A-Za-z])")


INTERPRETERS = {
    "python": [sys.executable, "-c"],
    "js": ["node", "--experimental-websocket", "--eval"],
    "sh": ["bash", "-euo", "pipefail", "-c"],
}


@dataclass(frozen=True)
class Recipe:
    title: str
    language: str
    code: str
    shape: str


def recipes(text: str) -> list[Recipe]:
    """Return the ``text`` blocks that can be run, each with the output block that follows it."""
    found: list[Recipe] = []
    for section in re.split(r"^## ", text, flags=re.MULTILINE):
        blocks = BLOCK.findall(section)
        for index, (info, code) in enumerate(blocks):
            if info in ("python", "js", "sh", "console"):
                following = blocks[index + 1] if index + 1 < len(blocks) else ("", "")
                shape = following[1] if following[0] == "text" else ""
                found.append(Recipe(section.split("\n", 1)[0], info, code, shape))
    return found


SCRIPTING = recipes((ROOT / "docs" / "scripting.md").read_text())
README = recipes((ROOT / "README.md").read_text())


def output(recipe: Recipe, address: str, folder: Path) -> str:
    """Run the recipe and return its output. Fails if the exit status is not 0 or anything is written to standard
    error."""
    code = recipe.code.replace(ADDRESS, address)
    if recipe.language == "console":
        return typed(code, folder)
    ended = subprocess.run(
        [*INTERPRETERS[recipe.language], code],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=DEADLINE,
    )
    assert (ended.returncode, ended.stderr) == (0, ""), ended
    return ended.stdout


def typed(code: str, folder: Path) -> str:
    """Type the lines that begin with > into a command and return what it prints until it ends."""
    first, *lines = code.splitlines()
    shell = ["bash", "-c", "exec " + first.removeprefix("$ ")]
    pipe = subprocess.PIPE
    with subprocess.Popen(shell, cwd=folder, env=environment(), stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("".join(line.removeprefix("> ") + "\n" for line in lines))
        process.stdin.flush()
        shown = ESCAPES.sub("", process.stdout.read().replace("\r", ""))
        assert process.wait(DEADLINE) == 0
    answered = (line.removeprefix("> ").removeprefix("> ") for line in shown.split("\n"))
    return "".join(line + "\n" for line in answered if line)


def pattern(shape: str, address: str) -> str:
    def literal(text: str) -> str:
        return ".+?".join(re.escape(part) for part in text.split("…"))

    parts = re.split(r"^…\n", shape.replace(ADDRESS, address).rstrip("\n"), flags=re.MULTILINE)
    return r"(?:.*\n)?".join(literal(part) for part in parts)


def assert_shape(text: str, shape: str, address: str) -> None:
    assert re.fullmatch(pattern(shape, address), text.strip("\n"), re.DOTALL), f"{text!r} is not like {shape!r}"


@pytest.mark.parametrize("recipe", SCRIPTING, ids=lambda recipe: recipe.title)
def test_a_recipe_does_what_it_says(recipe: Recipe, address: str, slow_file: Path, tmp_path: Path) -> None:
    assert "curl " not in recipe.code or shutil.which("curl"), "curl is missing: apt-get install curl"
    assert recipe.shape, "a recipe says what comes out"
    with slow_if_needed(recipe.code, slow_file):
        assert_shape(output(recipe, address, tmp_path), recipe.shape, address)


@pytest.mark.parametrize("recipe", README, ids=lambda recipe: recipe.language)
def test_the_readmes_example_prints_an_answer(recipe: Recipe, address: str, tmp_path: Path) -> None:
    assert output(recipe, address, tmp_path).strip()


def test_the_readme_has_an_example_in_each_language() -> None:
    assert [recipe.language for recipe in README] == ["python", "js"]


def test_every_recipe_is_found_and_what_is_not_run_says_so() -> None:
    text = (ROOT / "docs" / "scripting.md").read_text()
    infos = {info for info, _ in BLOCK.findall(text)}
    assert infos == {"python", "sh", "console", "text", "sh not-run"}
    assert len(SCRIPTING) >= 12
    assert [recipe.title.split(".")[0] for recipe in SCRIPTING] == [str(n + 1) for n in range(len(SCRIPTING))]
    assert ADDRESS in text


@pytest.mark.parametrize("text", ["a\nz", "a\nb\nz", "a\nb\nc\nz"])
def test_a_line_that_is_left_out_is_any_number_of_lines(text: str) -> None:
    assert_shape(text, "a\n…\nz\n", "")
    with pytest.raises(AssertionError):
        assert_shape(text + "z", "a\n…\nz\n", "")


@pytest.mark.parametrize("text", ["True", "a 5 tokens", "[stop, x tokens]\nmore"])
def test_a_shape_is_not_like_everything(text: str) -> None:
    with pytest.raises(AssertionError):
        assert_shape(text, "…\n[…, … tokens]\n", "")
