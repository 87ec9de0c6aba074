"""A GGUF file as the Model port: loading, vocabulary and facts. Computation is in context.py."""

from __future__ import annotations

import ctypes
import logging
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import llama_cpp as ll
import numpy as np

from server.engine.base import (
    Choice,
    EngineDeadError,
    EngineModelFacts,
    JsonInText,
    Likely,
    LikelyToken,
    LoadAbandonedError,
    ModelError,
    Ranges,
    SamplingParams,
    TokenLogprob,
)
from server.engine.file_state import check_unchanged, content_identity, file_state
from server.engine.gguf_kinds import check_kind
from server.engine.llama import candidates
from server.engine.llama import sampler as sampling
from server.engine.llama.abort import AbortFlag
from server.engine.llama.context import ContextSize, LlamaContext
from server.engine.llama.json_grammar import Grammars
from server.engine.llama.llama_log import log
from server.engine.llama.llama_tokenizer import Tokenizer
from server.engine.llama.same_vocabulary import vocabulary_problem
from server.engine.llama.sampler import LlamaSampler
from server.engine.llama.token_table import TokenTable, read_tokens
from server.engine.lookups import with_chosen
from server.engine.model import DecodeOutcome, Row
from server.engine.model_defaults import ModelDefaults
from server.engine.recommended_sampling import KEYS, UnusableSamplingError, recommended_sampling
from server.engine.thinking_marks import MARKS, visible_tokens
from server.gguf_header import MAGIC
from server.kv_types import KvTypes
from server.model_options import NO_OPTIONS, ModelOptions
from server.resources import usable_cores

SMALL_MODEL = 50_000_000
"""Parameter count below which one thread computes faster than several, which mostly wait for each other."""


logger = logging.getLogger(__name__)

LoadProgress = Callable[[float], bool]

INCOMPLETE = "not within the file bounds"
"""Part of llama.cpp's error about a file that ends early."""


class LlamaModel:
    """A loaded GGUF file, with a KV cache for ``parallel`` sequences of ``context`` tokens each.

    ``context`` None: the length that the model was trained for, at most ``DEFAULT_CONTEXT``. ``kv_tokens``: all
    sequences share this many KV cells instead of having their own. ``probing`` leaves the weights where they are in the
    file instead of copying them to where they compute fastest. ``defaults``: those kept beside the file; their context
    is a bound for one that isn't chosen. ``options``: those of this model alone; their context and parallel count
    before the arguments. ``progress`` is called with the part of the weights that is loaded, from 0 to
    1; when it returns False, loading ends with LoadAbandonedError. ``abort``: another model's, which ends this one's
    decodes too. Raises ModelError.
    """

    DEFAULT_CONTEXT = 8192

    def __init__(
        self,
        path: Path,
        *,
        context: int | None = None,
        parallel: int = 4,
        threads: int | None = None,
        kv_tokens: int | None = None,
        probing: bool = False,
        defaults: ModelDefaults | None = None,
        options: ModelOptions | None = None,
        progress: LoadProgress | None = None,
        abort: AbortFlag | None = None,
    ) -> None:
        _check_file(path)
        check_kind(path)
        log.install()
        ll.llama_backend_init()
        self._path = path
        self._defaults = defaults or ModelDefaults()
        options = options or NO_OPTIONS
        self._model = self._load(probing, options, progress)
        self._vocab = ll.llama_model_get_vocab(self._model)
        self._abort = abort or AbortFlag()
        self.slots = options.parallel or parallel
        self._context = self._open_context(options.context or context, kv_tokens, threads, options.kv)
        self.shared = kv_tokens is not None
        self.can_cut = not (ll.llama_model_is_recurrent(self._model) or ll.llama_model_is_hybrid(self._model))
        self.cells = self._context.cells
        self.batch_tokens = self._context.batch_tokens
        self.facts = self._read_facts()
        self._tokenizer = Tokenizer(self._vocab)
        self._pieces: dict[int, bytes] = {}
        self._visible = self._visible_tokens()
        """Control tokens that are delivered as text because they are thinking marks."""
        self._grammars = Grammars(self._token_table)
        self._in_use = threading.Lock()
        """Held while a thread other than the worker is inside llama.cpp, so that ``close`` waits for it."""
        self._closed = False

    # Any thread.

    @property
    def trained_context(self) -> int:
        """Context length that the model was trained for, in tokens."""
        return int(ll.llama_model_n_ctx_train(self._model))

    def tokenize(self, text: str, quoted: Ranges = ()) -> list[int]:
        """See Engine.tokenize. llama.cpp only reads the vocabulary here."""
        with self._open():
            return self._tokenizer.tokenize(text, quoted)

    def pieces(self, tokens: Sequence[int]) -> list[bytes]:
        """See Engine.pieces."""
        with self._open():
            return [self._token_bytes(token, special=True) for token in tokens]

    def texts(self, tokens: Sequence[int]) -> list[bytes]:
        """See Engine.texts."""
        with self._open():
            return [self._token_bytes(token, special=token in self._visible) for token in tokens]

    def continuation(self, text: str) -> list[int]:
        """See Engine.continuation."""
        with self._open():
            tokens = self._tokenizer.continuation(text)
            whole = None if len(tokens) == 1 else self._tokenizer.whole(text)
            return tokens if whole is None else [whole]

    def grammar(self, schema: Mapping[str, object] | JsonInText, *, compact: bool = False) -> str:
        """See Engine.grammar. The slow part needs no llama.cpp, so it blocks neither ``tokenize`` nor ``close``."""
        with self._open():
            pass
        return self._grammars.compile(schema, compact=compact)

    def open_draft_model(
        self, path: Path, *, threads: int | None = None, progress: LoadProgress | None = None
    ) -> LlamaModel:
        """Load a model that proposes tokens for this one. Raises ModelError if it can't."""
        draft = LlamaModel(
            path, context=self.facts.context, parallel=1, threads=threads, progress=progress, abort=self._abort
        )
        problem = vocabulary_problem(self._vocab, draft._vocab)
        if not problem and not draft.can_cut:
            problem = "it can't drop single tokens, as recurrent models"
        if problem:
            draft.close()
            text = "choose a smaller model of the same family as draft model, or none"
            raise ModelError(f"{path}: this can't be the draft model of {self._path}: {problem}; {text}")
        if path.samefile(self._path):
            logger.warning("%s: the draft model is the model itself, so it can't make answers faster", path)
        return draft

    @property
    def kv_identity(self) -> str:
        """See Model.kv_identity."""
        return f"{content_identity(self._path)}; llama-cpp-python {ll.__version__}; {self._context.kv_layout}"

    def _token_table(self) -> TokenTable:
        with self._open():
            return read_tokens(self._vocab, lambda token: self._token_bytes(token, special=True))

    @contextmanager
    def _open(self) -> Iterator[None]:
        with self._in_use:
            if self._closed:
                raise EngineDeadError("the model has been closed")
            yield

    def abort(self) -> None:
        self._abort.set()

    # The worker's thread.

    def rearm(self) -> None:
        self._abort.clear()

    def piece(self, token: int) -> bytes:
        known = self._pieces.get(token)
        if known is None:
            known = self._pieces[token] = self._token_bytes(token, special=token in self._visible)
        return known

    def is_end(self, token: int) -> bool:
        return bool(ll.llama_vocab_is_eog(self._vocab, token))

    def sampler(self, params: SamplingParams, prompt: Sequence[int], written: Sequence[int]) -> LlamaSampler:
        grammar = None if params.grammar is None else self._grammars.matcher(params.grammar)
        return LlamaSampler(self._context, params, prompt, written, grammar)

    def logprobs(self, output: int, token: int, count: int) -> Choice:
        chosen, *top = (
            TokenLogprob(self._token_bytes(each, special=True), logprob)
            for each, logprob in sampling.logprobs(self._context.logits(output), token, count)
        )
        return Choice(chosen, tuple(top))

    def likeliest(self, output: int, chosen: int | None, count: int) -> Likely:
        logits = self._context.logits(output)
        candidates.check(logits)
        first, *top = (
            LikelyToken(self._token_bytes(each, special=True), logprob, each == chosen, self.is_end(each))
            for each, logprob in sampling.logprobs(logits, chosen or 0, count)
        )
        return with_chosen(top, None if chosen is None else first)

    def greedy(self, output: int, below: int) -> int:
        """See DraftModel.greedy."""
        return int(np.argmax(self._context.logits(output)[:below]))

    @property
    def decode_seconds(self) -> float:
        return self._context.decode_seconds

    def decode(self, rows: Sequence[Row]) -> DecodeOutcome:
        return self._context.decode(rows)

    def forget(self, slot: int, start: int = 0) -> bool:
        return self._context.forget(slot, start)

    def copy(self, source: int, target: int) -> bool:
        return self._context.copy(source, target)

    def save(self, slot: int) -> memoryview:
        return self._context.save(slot)

    def restore(self, slot: int, state: memoryview) -> bool:
        return self._context.restore(slot, state)

    def shift(self, slot: int, start: int, count: int) -> bool:
        return self._context.shift(slot, start, count)

    def reset(self) -> None:
        self._context.reopen()

    def close(self) -> None:
        with self._in_use:
            if self._closed:
                return
            self._closed = True
        self._context.close()
        ll.llama_model_free(self._model)

    # Loading.

    def _load(self, probing: bool, options: ModelOptions, progress: LoadProgress | None) -> int:
        log.begin()
        before = file_state(self._path)
        params = ll.llama_model_default_params()
        if probing:
            params.use_extra_bufts, params.n_gpu_layers = False, 0
        elif options.gpu_layers is not None:
            params.n_gpu_layers = options.gpu_layers
            if options.gpu_layers and not ll.llama_supports_gpu_offload():
                logger.warning("%s: gpu_layers in models.toml does nothing: this llama.cpp has no GPU", self._path)
        reporter = _Reporter(progress)
        params.progress_callback = reporter.callback
        model = ll.llama_model_load_from_file(os.fsencode(self._path), params)
        try:
            check_unchanged(self._path, before)
        except ModelError:
            if model:
                ll.llama_model_free(model)
            raise
        if reporter.abandoned:
            if model:
                ll.llama_model_free(model)
            raise LoadAbandonedError(f"{self._path}: loading was stopped")
        if not model:
            remedy = "; download it again" if INCOMPLETE in log.cause else ""
            raise ModelError(f"{self._path}: llama.cpp can't load this file: {log.cause}{remedy}")
        return int(model)

    def _open_context(
        self, context: int | None, kv_tokens: int | None, threads: int | None, kv: KvTypes
    ) -> LlamaContext:
        most = min(self._defaults.context or self.DEFAULT_CONTEXT, self.DEFAULT_CONTEXT)
        tokens = context or min(ll.llama_model_n_ctx_train(self._model), most)
        size = ContextSize(parallel=self.slots, tokens=min(tokens, kv_tokens or tokens), shared=kv_tokens, kv=kv)
        try:
            return LlamaContext(self._path, self._model, size, threads or self._suitable_threads(), self._abort)
        except ModelError:
            ll.llama_model_free(self._model)
            raise

    def _suitable_threads(self) -> int:
        small = ll.llama_model_n_params(self._model) < SMALL_MODEL
        return 1 if small else usable_cores()

    def _read_facts(self) -> EngineModelFacts:
        template = ll.llama_model_chat_template(self._model, None)
        return EngineModelFacts(
            name=self._meta("general.name") or self._path.stem,
            architecture=self._meta("general.architecture") or "unknown",
            parameters=ll.llama_model_n_params(self._model),
            context=self._context.tokens,
            vocabulary=self._context.vocabulary,
            chat_template=template.decode("utf-8", "replace") if template else None,
            bos=self._special_text(ll.llama_vocab_bos(self._vocab)),
            eos=self._special_text(ll.llama_vocab_eos(self._vocab)),
            sampling=self._recommended_sampling(),
            tokens=self._further_special_tokens(),
            size=int(ll.llama_model_size(self._model)),
            trained_context=ll.llama_model_n_ctx_train(self._model),
        )

    def _further_special_tokens(self) -> dict[str, str]:
        ids = {"sep": ll.llama_vocab_sep, "pad": ll.llama_vocab_pad, "mask": ll.llama_vocab_mask}
        texts = {f"{name}_token": self._special_text(token(self._vocab)) for name, token in ids.items()}
        unknown = self._meta("tokenizer.ggml.unknown_token_id") or ""
        if unknown.isdecimal() and int(unknown) < self._context.vocabulary:
            texts["unk_token"] = self._special_text(int(unknown))
        return {name: text for name, text in texts.items() if text}

    def _recommended_sampling(self) -> SamplingParams:
        try:
            return recommended_sampling({key: self._meta(key) for key in KEYS}, self._defaults).sampling
        except UnusableSamplingError as error:
            raise ModelError(f"{self._path}: {error.key} in this file is not a usable number") from None

    def _meta(self, key: str) -> str | None:
        buffer = ctypes.create_string_buffer(512)
        length = ll.llama_model_meta_val_str(self._model, key.encode(), buffer, len(buffer))
        return buffer.value.decode("utf-8", "replace") if length >= 0 else None

    def _visible_tokens(self) -> frozenset[int]:
        known = {mark: token for mark in MARKS if (token := self._special_token(mark)) is not None}
        return frozenset(known[mark] for mark in visible_tokens(frozenset(known)))

    def _special_token(self, text: str) -> int | None:
        """Return the token whose text is exactly ``text``."""
        data, tokens = text.encode(), (ll.llama_token * (len(text.encode()) + 2))()
        count = ll.llama_tokenize(self._vocab, data, len(data), tokens, len(tokens), False, True)
        return tokens[0] if count == 1 and self._special_text(tokens[0]) == text else None

    def _special_text(self, token: int) -> str:
        return "" if token < 0 else self._token_bytes(token, special=True).decode("utf-8", "replace")

    def _token_bytes(self, token: int, *, special: bool) -> bytes:
        size = 64
        while True:
            buffer = ctypes.create_string_buffer(size)
            length = ll.llama_token_to_piece(self._vocab, token, buffer, size, 0, special)
            if length >= 0:
                return buffer.raw[:length]
            size = -length


class _Reporter:
    """Passes llama.cpp's progress on, and the wish to stop back. Keep it until the load has ended."""

    def __init__(self, progress: LoadProgress | None) -> None:
        self._progress = progress
        self.abandoned = False
        self.callback = ll.llama_progress_callback(self._on_progress)

    def _on_progress(self, part: float, _: object) -> bool:
        if self._progress is not None and not self.abandoned:
            self.abandoned = not self._progress(part)
        return not self.abandoned


def _check_file(path: Path) -> None:
    """Report the usual mistakes before llama.cpp opens the file."""
    try:
        with path.open("rb") as file:
            magic = file.read(len(MAGIC))
    except FileNotFoundError:
        raise ModelError(f"{path}: there is no such model file; `streamui models` lists those that are here") from None
    except OSError as error:
        raise ModelError(f"{path}: the model file can't be read: {error.strerror}") from None
    if magic != MAGIC:
        raise ModelError(f"{path}: this is not a GGUF file (it doesn't begin with the letters GGUF)")
