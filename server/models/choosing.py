"""The model that the server is started with: a file, a name, or the default of a first start."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from server.engine.base import ModelError
from server.models.candidates import SUFFIX
from server.models.catalogue import UnknownModelError, catalogue
from server.models.downloads import DownloadError
from server.models.packaged import PACKAGED, SMOLLM2, PackagedModel, get_packaged, packaged_path
from server.models.progress_bar import ProgressBar
from server.starter import MODEL_PATH

AUTO: Final = "auto"
"""Value of ``--model`` for the small language model, and the starter where that can't be downloaded."""


def chosen_model(
    model: Path,
    models_folder: Path,
    environ: Mapping[str, str],
    remark: Callable[[str], None],
    *,
    offline: bool = False,
    first: PackagedModel = SMOLLM2,
) -> Path:
    """Return the file for the value of ``--model``. Raises ModelError.

    Only ``auto`` downloads, the model ``first``; ``offline`` forbids it.
    """
    text = str(model)
    if text == AUTO:
        if offline:
            return path if (path := packaged_path(first, models_folder)).is_file() else MODEL_PATH
        return _first(first, models_folder, remark)
    if model.is_file() or text.lower().endswith(SUFFIX) or text.startswith((os.sep, ".", "~")):
        return model
    packaged = PACKAGED.get(text.casefold())
    if packaged and (path := packaged_path(packaged, models_folder)).is_file():
        return path
    try:
        return catalogue(models_folder, environ).find(text).path
    except UnknownModelError as error:
        if packaged:
            raise ModelError(
                f"{text} is not on this machine yet; get it: streamui models get {packaged.name}"
            ) from None
        raise ModelError(f"--model {error}") from None


def _first(model: PackagedModel, models_folder: Path, remark: Callable[[str], None]) -> Path:
    try:
        return get_packaged(model, models_folder, remark, ProgressBar(sys.stderr))
    except DownloadError as error:
        remark(f"streamui: {error}. The built-in starter answers instead; it knows almost nothing.")
        return MODEL_PATH
