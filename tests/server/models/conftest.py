"""Surroundings of the tests: no Ollama service, and no proxy for loopback addresses."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def neutral_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.models.places.OLLAMA_SERVICE", tmp_path / "no-service")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
