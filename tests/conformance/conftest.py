"""Fixture: one real server over the scripted engine for all conformance tests."""

from collections.abc import Iterator

import pytest

from tests.conformance.serving import in_thread, scripted_server, url_of


@pytest.fixture(scope="session")
def scripted_port() -> Iterator[int]:
    with in_thread(scripted_server) as port:
        yield port


@pytest.fixture(scope="session")
def scripted_url(scripted_port: int) -> str:
    return url_of("websocket", scripted_port)
