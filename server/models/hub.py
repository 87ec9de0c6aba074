"""Models of Hugging Face's hub, or of another one that ``HF_ENDPOINT`` names. ``HF_TOKEN`` opens private ones."""

from __future__ import annotations

import contextlib
import hashlib
import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final
from urllib.parse import quote, urlsplit

from server.engine.gguf_parts import PART
from server.gguf_header import BROKEN, MAGIC, leading_entries
from server.models.dialer import Address, Dialer
from server.models.downloads import DownloadError, check_room, downloading
from server.models.fetching import CutError, HttpFiles, RefusedError, bearer, check
from server.models.header_facts import HeaderFacts, facts_of, printable
from server.models.memory import size_text
from server.models.names import SUFFIX
from server.models.progress_bar import Progress, no_progress
from server.models.quantization import quantization
from server.models.unfinished import PART as UNFINISHED_PART
from server.models.unfinished import Download, arrived

PREFERRED: Final = "Q4_K_M"
"""Quantization that is downloaded without a choice: small, with little loss."""

ENDPOINT: Final = "https://huggingface.co"
"""Address of the hub without ``HF_ENDPOINT``."""

HEADER_BYTES: Final = 256 << 10
"""Bytes of a file that are read for its facts: those before the vocabulary."""

_REPOSITORY: Final = re.compile(r"(?P<repository>\w[\w.-]*/\w[\w.-]*?)(?::(?P<choice>[\w.-]+))?", re.ASCII)
_ADDITIONS: Final = re.compile(r"mmproj|imatrix", re.IGNORECASE)
_COMMIT: Final = re.compile(r"[0-9a-f]{7,64}")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_PART_NUMBER: Final = re.compile(r"-\d{5}-of-\d{5}$")


@dataclass(frozen=True, slots=True)
class HubFile:
    """A file of a repository. ``sha256`` None: the hub doesn't say it."""

    name: str
    size: int
    sha256: str | None


@dataclass(frozen=True, slots=True)
class HubModel:
    """A model of a repository, whole or split. ``stem`` is its name without number and ending."""

    stem: str
    files: tuple[HubFile, ...]

    @property
    def size(self) -> int:
        return sum(file.size for file in self.files)

    @property
    def quantization(self) -> str:
        return quantization(None, f"{PurePosixPath(self.stem).name}{SUFFIX}") or PurePosixPath(self.stem).name


def is_repository(text: str) -> bool:
    """Tell whether ``text`` has the form OWNER/REPOSITORY[:QUANT]."""
    return _REPOSITORY.fullmatch(text) is not None


def get_from_hub(
    wanted: str,
    models_folder: Path,
    remark: Callable[[str], None],
    environ: Mapping[str, str],
    progress: Progress = no_progress,
    dialer: Dialer | None = None,
) -> tuple[Path, ...]:
    """Download a model, continuing an unfinished download, and return its files. Raises DownloadError.

    ``wanted`` is OWNER/REPOSITORY[:QUANT]. Each file is checked by its hash before it gets its name. ``progress`` gets
    the bytes of all files together. ``dialer`` may stop the download (StoppedError).
    """
    match = _REPOSITORY.fullmatch(wanted)
    if match is None:
        raise DownloadError(f"{wanted}: give a repository as OWNER/REPOSITORY, or OWNER/REPOSITORY:QUANT")
    hub = HubRepository(match["repository"], environ, dialer)
    commit, files = hub.files()
    model = choose(wanted, models_of(files), match["choice"])
    targets = tuple(models_folder / match["repository"] / file.name for file in model.files)
    if all(target.exists() for target in targets):
        return targets
    parts = tuple(hub.part(file, commit) for file in model.files)
    name = f"{match['repository']}/{model.stem}"
    with downloading(models_folder, Download(source=wanted, name=name, size=model.size, parts=parts)) as folder:
        check_room(models_folder, model.size - arrived(folder))
        remark(f"Downloading {wanted}: {PurePosixPath(model.stem).name}, {size_text(model.size)}")
        before = 0
        for file, part in zip(model.files, parts, strict=True):
            hub.download(file, commit, folder / part, _offset(progress, before, model.size))
            before += file.size
        for part, target in zip(parts, targets, strict=True):
            target.parent.mkdir(parents=True, exist_ok=True)
            (folder / part).replace(target)
    return targets


def models_of(files: Iterable[HubFile]) -> list[HubModel]:
    """Group the GGUF files of a repository into models; projectors and the like are left out."""
    grouped: dict[str, list[HubFile]] = {}
    for file in sorted(files, key=lambda each: each.name):
        name = PurePosixPath(file.name)
        if name.name.lower().endswith(SUFFIX) and not _ADDITIONS.search(name.name) and _is_inside(name):
            grouped.setdefault(_PART_NUMBER.sub("", file.name[: -len(SUFFIX)]), []).append(file)
    return [HubModel(stem, tuple(each)) for stem, each in grouped.items() if _is_whole(each)]


def choose(wanted: str, models: Sequence[HubModel], choice: str | None) -> HubModel:
    """Return the model with the chosen quantization; without a choice the only one, or ``PREFERRED``."""
    if not models:
        raise DownloadError(f"{wanted}: this repository has no GGUF models")
    fitting = [model for model in models if choice is None or _is_named(model, choice)]
    if len(fitting) > 1:
        fitting = [model for model in fitting if model.quantization == (choice or PREFERRED).upper()] or fitting
    if len(fitting) == 1:
        return fitting[0]
    listed = ", ".join(printable(f"{model.quantization} ({size_text(model.size)})") for model in models)
    repository = wanted.partition(":")[0]
    raise DownloadError(f"{wanted}: choose one of its models as {repository}:QUANT; there are {listed}")


def _offset(progress: Progress, before: int, size: int) -> Progress:
    return lambda arrived, whole: progress(before + arrived, size)


def endpoint_of(environ: Mapping[str, str]) -> str:
    """Return the address of the hub, without a slash at its end."""
    return (environ.get("HF_ENDPOINT") or ENDPOINT).rstrip("/")


def operators_hosts(environ: Mapping[str, str], proxies: Iterable[str]) -> list[Address]:
    """Return host and port of the hub and of the proxies: a download may reach them, wherever they are."""
    found = []
    for address in (endpoint_of(environ), *proxies):
        with contextlib.suppress(ValueError):  # no address: nothing can be reached there
            parts = urlsplit(address if "://" in address else f"http://{address}")
            if parts.hostname:
                found.append((parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)))
    return found


@contextlib.contextmanager
def hub_errors(subject: str) -> Iterator[None]:
    """Turn what goes wrong with the hub into DownloadErrors about the ``subject``."""
    try:
        yield
    except RefusedError as error:
        reason = _STATUS.get(error.status, f"the hub answers with status {error.status}; try again later")
    except DownloadError as error:
        reason = str(error)
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError):
        reason = "the hub's answer can't be read; try again later, or check HF_ENDPOINT"
    except CutError as error:
        reason = f"{error.text('the hub')}; a download continues there at the next try"
    else:
        return
    raise DownloadError(f"{subject}: {reason}")


class HubRepository:
    """One repository of the hub. Its errors become DownloadErrors."""

    def __init__(self, repository: str, environ: Mapping[str, str], dialer: Dialer | None = None) -> None:
        self._repository = repository
        self._endpoint = endpoint_of(environ)
        self._files = HttpFiles(bearer(environ.get("HF_TOKEN")), dialer=dialer)

    def files(self) -> tuple[str, list[HubFile]]:
        """Return the newest commit and its files."""
        with hub_errors(self._repository):
            facts = self._files.json(f"{self._endpoint}/api/models/{self._repository}?blobs=true")
            commit = str(facts["sha"])
            if not _COMMIT.fullmatch(commit):
                raise ValueError(commit)
            return commit, [_file(each) for each in facts["siblings"]]

    def part(self, file: HubFile, commit: str) -> str:
        """Return the name of a file while it arrives: its hash, or that of its address."""
        return f"{file.sha256 or hashlib.sha256(self._url(file, commit).encode()).hexdigest()}{UNFINISHED_PART}"

    def download(self, file: HubFile, commit: str, part: Path, progress: Progress) -> None:
        """Download the whole file to ``part`` and check it."""
        with hub_errors(f"{self._repository}: {printable(file.name)}"):
            self._files.fetch(self._url(file, commit), part, file.size, progress)
            check(part, file.size, file.sha256)

    def header(self, file: HubFile, commit: str) -> HeaderFacts | None:
        """Read the facts at the beginning of a file; None if it has none that can be read."""
        with hub_errors(f"{self._repository}: {printable(file.name)}"):
            beginning = io.BytesIO(self._files.beginning(self._url(file, commit), HEADER_BYTES))
        if beginning.read(len(MAGIC)) != MAGIC:
            return None
        try:
            return facts_of(leading_entries(beginning, HEADER_BYTES), file.name)
        except BROKEN:
            return None

    def _url(self, file: HubFile, commit: str) -> str:
        return f"{self._endpoint}/{self._repository}/resolve/{commit}/{quote(file.name)}"


def _file(facts: Any) -> HubFile:
    """Return a file of the hub's answer. Raises for one of another form."""
    name, size, sha256 = facts["rfilename"], facts.get("size") or 0, (facts.get("lfs") or {}).get("sha256")
    if not isinstance(name, str) or type(size) is not int or not (sha256 is None or _SHA256.fullmatch(sha256)):
        raise ValueError(name)
    return HubFile(name, size, sha256)


_STATUS: Final = {
    401: "the hub has no such repository, or it is private: check the name, or set HF_TOKEN",
    403: "the hub refuses access: its page may ask for an agreement; then set HF_TOKEN to your access token",
    404: "the hub has no such repository, or it is private: check the name, or set HF_TOKEN",
    429: "the hub gets too many requests from this address; try again in a few minutes",
}


def _is_inside(name: PurePosixPath) -> bool:
    """Tell whether a name from the hub stays in the repository's folder, visibly."""
    return not name.is_absolute() and "\\" not in str(name) and not any(part.startswith(".") for part in name.parts)


def _is_whole(files: Sequence[HubFile]) -> bool:
    part = PART.fullmatch(PurePosixPath(files[0].name).name)
    return part is None or len(files) == int(part["count"])


def _is_named(model: HubModel, choice: str) -> bool:
    return re.search(rf"(^|[-._/]){re.escape(choice)}($|[-._/])", model.stem, re.IGNORECASE) is not None
