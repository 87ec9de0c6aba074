"""End of the templates' processes."""

from collections.abc import Iterator

import pytest

from tests.server.writers.templates import close_templates


@pytest.fixture(scope="module", autouse=True)
def templates() -> Iterator[None]:
    yield
    close_templates()
