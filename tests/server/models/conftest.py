"""Fixture: a machine without the folder of Ollama's service, which is outside of all home folders."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def without_ollama_service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.models.places.OLLAMA_SERVICE", tmp_path / "no-service")
