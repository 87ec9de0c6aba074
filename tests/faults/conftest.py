"""What the fault tests share with the server's own."""

from tests.server.conftest import no_errors_logged

__all__ = ["no_errors_logged"]
