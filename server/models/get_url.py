"""A model from any web address. Nothing says what its hash should be, so only its header is checked."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from server.engine.base import ModelError
from server.engine.gguf_parts import PART
from server.models.dialer import Dialer
from server.models.downloads import DownloadError, downloading
from server.models.fetching import CutError, HttpFiles, RefusedError
from server.models.header_facts import printable, read_header
from server.models.names import SUFFIX
from server.models.progress_bar import Progress
from server.models.unfinished import PART as UNFINISHED_PART
from server.models.unfinished import Download


def is_url(text: str) -> bool:
    """Tell whether ``text`` is a web address with a host and, if it names one, a valid port."""
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def get_url(
    url: str, models_folder: Path, remark: Callable[[str], None], progress: Progress, dialer: Dialer | None = None
) -> Path:
    """Download a GGUF file, continuing an unfinished download, and return it. Raises DownloadError.

    ``dialer`` may stop the download (StoppedError).
    """
    name = _file_name(url)
    target = models_folder / name
    if target.exists():
        raise DownloadError(f"{name}: the models folder has a file of this name; delete it first, or rename it")
    part_name = f"{hashlib.sha256(url.encode()).hexdigest()}{UNFINISHED_PART}"
    download = Download(source=url, name=name[: -len(SUFFIX)], size=None, parts=(part_name,))
    with downloading(models_folder, download) as folder:
        remark(f"Downloading {printable(name)}")
        part = folder / part_name
        try:
            HttpFiles(dialer=dialer).fetch(url, part, None, progress)
        except RefusedError as error:
            raise DownloadError(
                f"{printable(name)}: the server answers with status {error.status}; check the address"
            ) from None
        except CutError as error:
            reason = f"{error.text('the server')}; the next try continues there"
            raise DownloadError(f"{printable(name)}: {reason}") from None
        _check_kind(part, name)
        part.replace(target)
    return target


def _file_name(url: str) -> str:
    name = PurePosixPath(unquote(urlsplit(url).path)).name
    if not name.lower().endswith(SUFFIX) or name.startswith(".") or "\0" in name:
        raise DownloadError(f"{printable(url)}: give the address of a {SUFFIX} file")
    if PART.fullmatch(name):
        raise DownloadError(f"{printable(name)}: this is one part of a model; get it by the name of its repository")
    return name


def _check_kind(part: Path, name: str) -> None:
    try:
        kind = read_header(part).kind
    except ModelError as error:
        part.unlink()
        raise DownloadError(str(error).replace(str(part), printable(name))) from None
    if kind:
        part.unlink()
        raise DownloadError(f"{printable(name)}: this is {kind}; choose a chat model")
