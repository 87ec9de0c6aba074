"""The digest of the page's files, and the imports of its entry files."""

from pathlib import Path

import pytest

from server.page.sources import EMBED_STYLE, FRONTEND, SCRIPT, STYLE, digest, imported, stamps


def test_digest_changes_with_the_content_of_any_file(frontend: Path) -> None:
    before = digest(frontend)
    for path, _, _ in stamps(frontend):
        file = frontend / path
        content = file.read_bytes()
        file.write_bytes(content + b"\n")
        assert digest(frontend) != before, path
        file.write_bytes(content)
    assert digest(frontend) == before


def test_digest_changes_with_a_name(frontend: Path) -> None:
    before = digest(frontend)
    (frontend / "lazy.js").rename(frontend / "lazier.js")
    assert digest(frontend) != before


@pytest.mark.parametrize("name", [".app.js.swp", ".#app.js", "app.js~", "app.js.orig"])
def test_digest_ignores_what_editors_leave(frontend: Path, name: str) -> None:
    before = digest(frontend)
    (frontend / name).write_text("x")
    assert digest(frontend) == before


def test_imports_are_followed_and_types_and_late_imports_are_not(frontend: Path) -> None:
    assert imported(SCRIPT, frontend) == ("a.js", "parts/b.js")
    assert imported(STYLE, frontend) == ("style.css", "styles/more.css")


def test_imports_that_go_round_in_a_circle_are_followed_once(frontend: Path) -> None:
    (frontend / "a.js").write_text('import "./app.js";\nimport "./missing.js";\n')
    assert imported(SCRIPT, frontend) == ("a.js", "parts/b.js")


def test_every_style_of_the_page_is_imported() -> None:
    others = {"page.css", "styles/login.css", "offline/offline.css", EMBED_STYLE, "styles/embed.css"}
    styles = {path for path, _, _ in stamps() if path.endswith(".css")}
    assert set(imported(STYLE)) == styles - others


def test_the_page_imports_most_of_its_scripts() -> None:
    """Imports are found by their syntax. An unknown syntax would leave out most modules."""
    scripts = [path for path, _, _ in stamps() if path.endswith(".js")]
    assert len(imported(SCRIPT)) > 0.8 * len(scripts)
    assert all((FRONTEND / path).is_file() for path in imported(SCRIPT))
