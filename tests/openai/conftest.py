"""Fixtures: the real server with the built-in model, and OpenAI's official client, unmodified."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from openai import DefaultHttpxClient, OpenAI

from tests.docs.conftest import address as address
from tests.docs.conftest import slow_file as slow_file

TIMEOUT = 120.0


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[OpenAI]:
    """Client of the server. It doesn't retry, so that each error shows."""
    http = DefaultHttpxClient(trust_env=False)
    with OpenAI(base_url=f"http://{address}/v1", api_key="any", max_retries=0, timeout=TIMEOUT, http_client=http) as it:
        yield it
