"""Fixtures that the fault tests share with the server's tests."""

from tests.server.conftest import no_errors_logged

__all__ = ["no_errors_logged"]
