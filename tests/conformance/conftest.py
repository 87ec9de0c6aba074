"""One real server over the scripted engine for all of these tests."""

from collections.abc import Iterator

import pytest

from tests.conformance.serving import in_thread, scripted_server


@pytest.fixture(scope="session")
def scripted_url() -> Iterator[str]:
    with in_thread(scripted_server) as port:
        yield f"ws://127.0.0.1:{port}/ws"
