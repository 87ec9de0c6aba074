"""Packages come from the places that pip's settings name: those of its files, and its variables, which are stronger."""

import sys
from pathlib import Path

import pytest

from server.models.pip_settings import PYPI, PipSettings, pip_settings

FILE = """
[global]
index-url = https://one.example/simple
extra-index-url =
    https://two.example/simple
    https://three.example/simple
trusted-host = one.example:8443
cert = /certificates.pem
proxy = http://proxy.example:3128
[download]
find-links = /wheels
"""


def environ(tmp_path: Path, content: str = "", **variables: str) -> dict[str, str]:
    """Return variables by which pip reads this file and no other one."""
    (tmp_path / "pip.conf").write_text(content)
    return {"PIP_CONFIG_FILE": str(tmp_path / "pip.conf"), "HOME": str(tmp_path), "XDG_CONFIG_DIRS": "", **variables}


@pytest.fixture
def no_pip(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "python").write_text("#!/bin/sh\necho 'python: No module named pip' >&2\nexit 1\n")
    (tmp_path / "python").chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))


def test_a_file_of_pip_counts(tmp_path: Path) -> None:
    found = pip_settings(environ(tmp_path, FILE))
    assert found == PipSettings(
        links=("/wheels",),
        indexes=("https://one.example/simple", "https://two.example/simple", "https://three.example/simple"),
        trusted=frozenset({"one.example:8443"}),
        certificates="/certificates.pem",
        proxy="http://proxy.example:3128",
    )


def test_a_variable_of_pip_is_stronger_than_its_file(tmp_path: Path) -> None:
    found = pip_settings(environ(tmp_path, FILE, PIP_INDEX_URL="https://four.example/simple", PIP_EXTRA_INDEX_URL=""))
    assert found.indexes[0] == "https://four.example/simple"


def test_no_index_leaves_the_folders(tmp_path: Path) -> None:
    found = pip_settings(environ(tmp_path, FILE, PIP_NO_INDEX="1"))
    assert (found.links, found.indexes) == (("/wheels",), ())


@pytest.mark.usefixtures("no_pip")
@pytest.mark.parametrize(
    ("variables", "indexes"),
    [
        ({}, [PYPI]),
        ({"PIP_INDEX_URL": "https://a.example/", "UV_DEFAULT_INDEX": "https://b.example/"}, ["https://a.example/"]),
        ({"UV_DEFAULT_INDEX": "https://b.example/", "UV_INDEX_URL": "https://c.example/"}, ["https://b.example/"]),
        (
            {"UV_INDEX_URL": "https://c.example/", "UV_INDEX": "mine=https://d.example/ https://e.example/"},
            ["https://c.example/", "https://d.example/", "https://e.example/"],
        ),
        ({"UV_EXTRA_INDEX_URL": f"https://f.example/ {PYPI}"}, [PYPI, "https://f.example/"]),
    ],
)
def test_without_pip_only_variables_count(tmp_path: Path, variables: dict[str, str], indexes: list[str]) -> None:
    assert list(pip_settings(environ(tmp_path, **variables)).indexes) == indexes
