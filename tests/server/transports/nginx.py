"""nginx in front of a server, with its default settings: proxy_pass and nothing else."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.server.transports.peer import DEADLINE

CONFIGURATION = """
daemon off;
{user}
pid nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    {site}
}}
"""
"""Paths are set because the built-in ones belong to root. ``user``: an nginx started by root needs one that can write
into the test's folder; otherwise it stays with the user that started it."""

SITE = "server { listen 127.0.0.1:PORT; location / { proxy_pass http://127.0.0.1:UPSTREAM; } }"


@contextlib.contextmanager
def nginx(upstream: int, folder: Path, site: str = SITE) -> Iterator[int]:
    """Run nginx in front of the server on port ``upstream``; yields its own port. ``site``: a template with PORT and
    UPSTREAM."""
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    assert program, "nginx is missing, and these tests need it: apt-get install nginx-light"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        (folder / "nginx.conf").write_text(
            CONFIGURATION.format(
                user="user root;" if os.geteuid() == 0 else "",
                site=site.replace("PORT", str(port)).replace("UPSTREAM", str(upstream)),
            )
        )
        command = [program, "-p", str(folder), "-c", "nginx.conf"]
        # The listening socket is handed over as nginx does it itself when it is upgraded: so the port is ours already.
        inherited = {"NGINX": f"{listener.fileno()};"}
        with subprocess.Popen(command, env=inherited, pass_fds=[listener.fileno()]) as process:
            try:
                yield port
            finally:
                process.terminate()
                process.wait(DEADLINE)
