"""esbuild's bundle of a small page and of the real one."""

import gzip
from pathlib import Path

import pytest

from server.page import build as building
from server.page.build import BuildError, build
from server.page.bundle import MANIFEST, read_bundle
from server.page.sources import digest


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_bundle_has_script_style_and_worker(frontend: Path, bundles: Path) -> None:
    bundle = build(frontend, bundles)
    assert bundle == read_bundle(bundles)
    assert bundle.sources == digest(frontend)
    files = names(bundles / bundle.name)
    assert {"app.js", "page.css", "highlight-worker.js", "app.js.map", "app.js.gz", "page.css.gz"} <= files
    assert (bundles / bundle.name / "page.css").read_text().startswith("body{color:red}p{color:")


def test_every_script_and_style_is_compressed(frontend: Path, bundles: Path) -> None:
    folder = bundles / build(frontend, bundles).name
    plain = [path for path in folder.iterdir() if path.suffix in (".js", ".css")]
    assert len(plain) >= 4
    for path in plain:
        assert gzip.decompress(path.with_name(f"{path.name}.gz").read_bytes()) == path.read_bytes()


def test_modules_that_the_script_imports_at_once_are_reported(frontend: Path, bundles: Path) -> None:
    (frontend / "lazy.js").write_text('import { a } from "./a.js";\nexport const lazy = [a];\n')
    (frontend / "app.js").write_text('export { a } from "./a.js";\nimport("./lazy.js");\n')
    bundle = build(frontend, bundles)
    script = (bundles / bundle.name / "app.js").read_text()
    assert bundle.modules
    for module in bundle.modules:
        assert f'from"./{module}"' in script
    assert not any(module.startswith("lazy") for module in bundle.modules)


def test_the_same_files_make_the_same_bundle(frontend: Path, bundles: Path) -> None:
    first = build(frontend, bundles)
    assert build(frontend, bundles) == first
    assert names(bundles) == {first.name, MANIFEST}


def test_the_bundle_before_is_kept_and_older_ones_are_not(frontend: Path, bundles: Path) -> None:
    made = []
    for number in range(3):
        (frontend / "style.css").write_text(f"p {{ order: {number}; }}")
        made.append(build(frontend, bundles).name)
    assert names(bundles) == {made[1], made[2], MANIFEST}


def test_a_mistake_in_a_file_is_reported_and_leaves_the_bundle_before(frontend: Path, bundles: Path) -> None:
    before = build(frontend, bundles)
    (frontend / "a.js").write_text("export const a = ;")
    with pytest.raises(BuildError, match=r"a\.js:1"):
        build(frontend, bundles)
    assert read_bundle(bundles) == before
    assert names(bundles) == {before.name, MANIFEST}


def test_without_esbuild_it_says_how_to_install_it(
    frontend: Path, bundles: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(building, "FRONTEND", frontend)
    with pytest.raises(BuildError, match="npm ci"):
        build(frontend, bundles)


def test_the_real_page_is_small(bundles: Path) -> None:
    folder = bundles / build(bundles=bundles).name
    assert sum((folder / f"{name}.gz").stat().st_size for name in ("app.js", "page.css")) < 125_000
    assert "import.meta" in (folder / "app.js").read_text(), "the worker is found beside the script"
