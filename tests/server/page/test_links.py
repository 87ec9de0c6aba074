"""The page's links: to the bundle, or to the sources if the bundle is outdated."""

import logging
import os
from pathlib import Path

import pytest

from server.page.build import build
from server.page.bundle import MANIFEST
from server.page.links import PageLinks
from server.page.sources import digest


def test_an_up_to_date_bundle_is_linked(frontend: Path, bundles: Path) -> None:
    bundle = build(frontend, bundles)
    links = PageLinks(frontend, bundles).current()
    assert links.script == f"bundle/{bundle.name}/app.js"
    assert links.styles == (f"bundle/{bundle.name}/page.css",)
    assert links.sources == f"sources/{digest(frontend)}"
    assert links.embed == f"bundle/{bundle.name}/stream-ui.js"


def test_without_a_bundle_the_sources_are_linked(
    frontend: Path, bundles: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    page = PageLinks(frontend, bundles)
    links = page.current()
    folder = f"sources/{digest(frontend)}"
    assert links.script == f"{folder}/app.js"
    assert links.styles == (f"{folder}/style.css", f"{folder}/styles/more.css")
    assert links.modules == (f"{folder}/a.js", f"{folder}/parts/b.js")
    assert links.embed == f"{folder}/stream-ui.js"
    assert page.current() is links
    assert ["has not been made" in record.getMessage() for record in caplog.records] == [True]


def test_a_changed_file_makes_a_bundle_stale_while_the_server_runs(
    frontend: Path, bundles: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    build(frontend, bundles)
    page = PageLinks(frontend, bundles)
    before = page.current()
    (frontend / "a.js").write_text("export const a = 2;\n")
    stale = page.current()
    assert stale.script == f"sources/{digest(frontend)}/app.js"
    assert ["is older" in record.getMessage() for record in caplog.records] == [True]
    bundle = build(frontend, bundles)
    assert page.current().script == f"bundle/{bundle.name}/app.js" != before.script


def test_a_file_that_was_only_touched_leaves_the_bundle_in_use(frontend: Path, bundles: Path) -> None:
    build(frontend, bundles)
    page = PageLinks(frontend, bundles)
    before = page.current()
    os.utime(frontend / "a.js", (1, 1))
    assert page.current() == before


@pytest.mark.parametrize("manifest", ["", "{", "[]", '{"name":1}', '{"name":"gone","sources":"x"}', "\xff"])
def test_a_broken_manifest_is_no_bundle(frontend: Path, bundles: Path, manifest: str) -> None:
    build(frontend, bundles)
    (bundles / MANIFEST).write_bytes(manifest.encode("latin-1"))
    assert PageLinks(frontend, bundles).current().script.startswith("sources/")
