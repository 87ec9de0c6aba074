"""Fixtures: the real server with the built-in model, and Anthropic's official client, unmodified."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from anthropic import Anthropic, DefaultHttpxClient

from tests.docs.conftest import address as address
from tests.docs.conftest import slow_file as slow_file
from tests.openai.conftest import TIMEOUT


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[Anthropic]:
    """Client of the server. It doesn't retry, so that each error shows."""
    http = DefaultHttpxClient(trust_env=False)
    with Anthropic(base_url=f"http://{address}", api_key="any", max_retries=0, timeout=TIMEOUT, http_client=http) as it:
        yield it
