"""The server without the page's bundle: ``python tests/e2e/unbundled.py serve --port 0``."""

from unittest.mock import patch

from server.__main__ import main

if __name__ == "__main__":
    with patch("server.page.links.read_bundle", return_value=None):
        main()
