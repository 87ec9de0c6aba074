"""The model that the server is started with: a file, a name, or the default of a first start."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from server.engine.base import ModelError
from server.models.catalogue import UnknownModelError, catalogue
from server.models.names import is_path
from server.models.packaged import PACKAGED, SMOLLM2, PackagedModel, packaged_path
from server.starter import MODEL_PATH

AUTO: Final = "auto"
"""Value of ``--model`` for the small language model; the starter answers until that is downloaded."""


def missing_model(model: Path, models_folder: Path) -> PackagedModel | None:
    """Return the model that the value of ``--model`` means and that is still to be downloaded, if there is one."""
    return SMOLLM2 if str(model) == AUTO and not packaged_path(SMOLLM2, models_folder).is_file() else None


def chosen_model(model: Path, models_folder: Path, environ: Mapping[str, str]) -> Path:
    """Return the file for the value of ``--model``: the starter while a model is missing. Raises ModelError."""
    text = str(model)
    if text == AUTO:
        return MODEL_PATH if missing_model(model, models_folder) else packaged_path(SMOLLM2, models_folder)
    if is_path(text):
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
