"""Build hook of the wheel: adds the page's bundle and browser libraries, so that an installed page is complete.

Hatchling runs this file by its path, in an environment without the server's packages.
"""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PageHook(BuildHookInterface):  # type: ignore[type-arg]
    """Adds the results of `make install`. Without them it prints a warning, and the wheel has only the sources."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        root = Path(self.root)
        libraries = runpy.run_path(str(root / "server" / "page" / "libraries.py"))
        files = [f"node_modules/{path}" for path in libraries["library_files"](root / "node_modules")]
        bundles = root / "build" / "page"
        files += [path.relative_to(root).as_posix() for path in sorted(bundles.rglob("*")) if path.is_file()]
        if not any(name.startswith("node_modules/") for name in files) or not (bundles / "bundle.json").exists():
            self.app.display_warning("The wheel lacks the page's bundle or libraries: run `make install` first.")
        for name in files:
            inside = name.replace("build/page/", "bundle/", 1)
            build_data["force_include"][str(root / name)] = f"server/page/installed/{inside}"
