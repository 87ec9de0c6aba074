"""llama.cpp through llama-cpp-python's low-level functions: the only file that imports llama_cpp.

The C functions are called as they are: the bindings' own context class makes one RuntimeError of every outcome.
"""

from __future__ import annotations

import ctypes
import logging
import os
import secrets
import threading
from collections.abc import Sequence
from pathlib import Path

import llama_cpp as ll

from server.engine.base import RANDOM_SEED, EngineDeadError, ModelError, ModelFacts, SamplingParams
from server.engine.model import DecodeError, Outcome, Row

BATCH_TOKENS = 512
SMALL_MODEL = 50_000_000
"""Parameters below which one thread computes faster than several, which then mostly wait for each other."""

PENALTY_WINDOW = 64
"""llama.cpp's default for ``penalty_last_n``."""

GGUF_MAGIC = b"GGUF"
_LOG_ERROR = 4
_FLASH_ATTN_AUTO, _FLASH_ATTN_DISABLED = -1, 0
"""On a CPU flash attention slows batched decoding down, the more the longer the context."""

logger = logging.getLogger("llama.cpp")


class _Log:
    """llama.cpp's log, sent on to ``logging``. It keeps the first error since ``begin``, which names the cause."""

    def __init__(self) -> None:
        self._first_error = ""
        self._callback = ll.llama_log_callback(self._take)

    def install(self) -> None:
        ll.llama_log_set(self._callback, ctypes.c_void_p(0))

    def begin(self) -> None:
        self._first_error = ""

    @property
    def cause(self) -> str:
        return self._first_error or "it gives no reason"

    def _take(self, level: int, text: bytes, _: object) -> None:
        line = text.decode("utf-8", "replace").strip()
        if level == _LOG_ERROR and not self._first_error:
            self._first_error = line
        logger.log(logging.INFO if level == _LOG_ERROR else logging.DEBUG, "%s", line)


_log = _Log()


class AbortFlag:
    """A flag that llama.cpp reads on every graph node without the GIL.

    The callback is libc's ``strlen`` and its data a C string: empty means go on, one byte means abort. A callback
    written in Python would take the GIL each time.
    """

    def __init__(self) -> None:
        self._text = ctypes.create_string_buffer(2)
        strlen = ctypes.CDLL(None).strlen
        self.callback = ctypes.cast(strlen, ll.ggml_abort_callback)
        self.data = ctypes.cast(self._text, ctypes.c_void_p)

    def set(self) -> None:
        self._text[0] = b"x"

    def clear(self) -> None:
        self._text[0] = b"\0"


class LlamaSampler:
    """A llama.cpp sampler chain in llama.cpp's own order: bias, penalties, top-k, top-p, min-p, temperature, choice."""

    def __init__(self, context: int, vocabulary: int, params: SamplingParams) -> None:
        self._context = context
        self._chain = ll.llama_sampler_chain_init(ll.llama_sampler_chain_default_params())
        if params.logit_bias:
            self._add(_logit_bias(vocabulary, params))
        if params.repeat_penalty != 1 or params.frequency_penalty or params.presence_penalty:
            self._add(
                ll.llama_sampler_init_penalties(
                    vocabulary,
                    PENALTY_WINDOW,
                    params.repeat_penalty,
                    params.frequency_penalty,
                    params.presence_penalty,
                )
            )
        if params.temperature == 0:
            self._add(ll.llama_sampler_init_greedy())
            return
        self._add(ll.llama_sampler_init_top_k(params.top_k))
        self._add(ll.llama_sampler_init_top_p(params.top_p, 1))
        self._add(ll.llama_sampler_init_min_p(params.min_p, 1))
        self._add(ll.llama_sampler_init_temp(params.temperature))
        seed = secrets.randbits(32) if params.seed == RANDOM_SEED else params.seed
        self._add(ll.llama_sampler_init_dist(seed))

    def sample(self, row: int) -> int:
        return int(ll.llama_sampler_sample(self._chain, self._context, row))

    def accept(self, token: int) -> None:
        """Remember a token that was chosen elsewhere."""
        ll.llama_sampler_accept(self._chain, token)

    def close(self) -> None:
        ll.llama_sampler_free(self._chain)

    def _add(self, sampler: object) -> None:
        ll.llama_sampler_chain_add(self._chain, sampler)


def _logit_bias(vocabulary: int, params: SamplingParams) -> object:
    biases = (ll.llama_logit_bias * len(params.logit_bias))(
        *(ll.llama_logit_bias(token, bias) for token, bias in params.logit_bias.items())
    )
    return ll.llama_sampler_init_logit_bias(vocabulary, len(biases), biases)


class LlamaModel:
    """A GGUF file, loaded, with a KV cache for ``parallel`` sequences of ``context`` tokens each.

    ``context`` None takes what the model was trained for, at most ``DEFAULT_CONTEXT``. Raises ModelError.
    """

    DEFAULT_CONTEXT = 8192

    def __init__(
        self, path: Path, *, context: int | None = None, parallel: int = 4, threads: int | None = None
    ) -> None:
        _check_file(path)
        _log.install()
        ll.llama_backend_init()
        self._path = path
        self._model = self._load()
        self._vocab = ll.llama_model_get_vocab(self._model)
        trained = ll.llama_model_n_ctx_train(self._model)
        self._abort = AbortFlag()
        self._context = self._open_context(context or min(trained, self.DEFAULT_CONTEXT), parallel, threads)
        self._memory = ll.llama_get_memory(self._context)
        self._batch = ll.llama_batch_init(BATCH_TOKENS, 0, 1)
        self.slots = parallel
        self.batch_tokens = BATCH_TOKENS
        self.facts = self._read_facts()
        self._pieces: dict[int, bytes] = {}
        self._in_use = threading.Lock()
        """Held while another thread than the worker's is inside llama.cpp, so that ``close`` waits for it."""
        self._closed = False

    # Any thread.

    def tokenize(self, text: str) -> list[int]:
        """See Engine.tokenize. llama.cpp only reads the vocabulary here."""
        data = text.encode("utf-8", "replace")
        add_special = not (self.facts.bos and text.startswith(self.facts.bos))
        tokens = (ll.llama_token * (len(data) + 2))()
        with self._in_use:
            if self._closed:
                raise EngineDeadError("the model has been closed")
            count = ll.llama_tokenize(self._vocab, data, len(data), tokens, len(tokens), add_special, True)
        return tokens[:count]

    def abort(self) -> None:
        self._abort.set()

    # The worker's thread.

    def rearm(self) -> None:
        self._abort.clear()

    def piece(self, token: int) -> bytes:
        known = self._pieces.get(token)
        if known is None:
            known = self._pieces[token] = self._token_bytes(token, special=False)
        return known

    def is_end(self, token: int) -> bool:
        return bool(ll.llama_vocab_is_eog(self._vocab, token))

    def sampler(self, params: SamplingParams, prompt: Sequence[int], written: Sequence[int]) -> LlamaSampler:
        sampler = LlamaSampler(self._context, self.facts.vocabulary, params)
        for token in written:
            sampler.accept(token)
        return sampler

    def decode(self, rows: Sequence[Row]) -> Outcome:
        batch = self._batch
        batch.n_tokens = len(rows)
        for index, (token, slot, position, logits) in enumerate(rows):
            batch.token[index] = token
            batch.pos[index] = position
            batch.n_seq_id[index] = 1
            batch.seq_id[index][0] = slot
            batch.logits[index] = logits
        result = ll.llama_decode(self._context, batch)
        if result < 0:
            raise DecodeError(f"llama_decode failed with {result}: {_log.cause}")
        return (Outcome.COMPUTED, Outcome.NO_SLOT, Outcome.ABORTED)[result]

    def forget(self, slot: int, start: int = 0) -> bool:
        return bool(ll.llama_memory_seq_rm(self._memory, slot, start, -1))

    def close(self) -> None:
        with self._in_use:
            if self._closed:
                return
            self._closed = True
        ll.llama_batch_free(self._batch)
        ll.llama_free(self._context)
        ll.llama_model_free(self._model)

    # Loading.

    def _load(self) -> int:
        _log.begin()
        params = ll.llama_model_default_params()
        model = ll.llama_model_load_from_file(os.fsencode(self._path), params)
        if not model:
            raise ModelError(f"{self._path}: llama.cpp can't load this file: {_log.cause}")
        return int(model)

    def _open_context(self, context: int, parallel: int, threads: int | None) -> int:
        _log.begin()
        params = ll.llama_context_default_params()
        params.n_ctx, params.n_seq_max = context * parallel, parallel
        params.n_batch = params.n_ubatch = BATCH_TOKENS
        params.n_threads = params.n_threads_batch = threads or self._suitable_threads()
        params.flash_attn_type = _FLASH_ATTN_AUTO if ll.llama_supports_gpu_offload() else _FLASH_ATTN_DISABLED
        params.abort_callback, params.abort_callback_data = self._abort.callback, self._abort.data
        params.no_perf = True
        opened = ll.llama_init_from_model(self._model, params)
        if not opened or not ll.llama_get_memory(opened):
            ll.llama_model_free(self._model)
            reason = "the model can't write text" if opened else _log.cause
            raise ModelError(
                f"{self._path}: no room for {parallel} sequences of {context} tokens ({reason}): "
                "try a smaller --context or --parallel"
            )
        return int(opened)

    def _suitable_threads(self) -> int:
        small = ll.llama_model_n_params(self._model) < SMALL_MODEL
        return 1 if small else len(os.sched_getaffinity(0))

    def _read_facts(self) -> ModelFacts:
        template = ll.llama_model_chat_template(self._model, None)
        return ModelFacts(
            name=self._meta("general.name") or self._path.stem,
            architecture=self._meta("general.architecture") or "unknown",
            parameters=ll.llama_model_n_params(self._model),
            context=ll.llama_n_ctx_seq(self._context),
            vocabulary=ll.llama_vocab_n_tokens(self._vocab),
            chat_template=template.decode("utf-8", "replace") if template else None,
            bos=self._special_text(ll.llama_vocab_bos(self._vocab)),
            eos=self._special_text(ll.llama_vocab_eos(self._vocab)),
            sampling=self._recommended_sampling(),
        )

    def _recommended_sampling(self) -> SamplingParams:
        """llama.cpp's defaults, replaced by what the file's ``general.sampling.*`` recommends."""
        default = SamplingParams()

        def recommended(key: str, fallback: float) -> float:
            text = self._meta(f"general.sampling.{key}")
            return float(text) if text else fallback

        return SamplingParams(
            temperature=recommended("temp", default.temperature),
            top_k=int(recommended("top_k", default.top_k)),
            top_p=recommended("top_p", default.top_p),
            min_p=recommended("min_p", default.min_p),
            repeat_penalty=recommended("penalty_repeat", default.repeat_penalty),
        )

    def _meta(self, key: str) -> str | None:
        buffer = ctypes.create_string_buffer(512)
        length = ll.llama_model_meta_val_str(self._model, key.encode(), buffer, len(buffer))
        return buffer.value.decode("utf-8", "replace") if length >= 0 else None

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


def _check_file(path: Path) -> None:
    """Tell the usual mistakes apart before llama.cpp sees the file."""
    try:
        with path.open("rb") as file:
            magic = file.read(len(GGUF_MAGIC))
    except FileNotFoundError:
        raise ModelError(f"{path}: there is no such model file") from None
    except OSError as error:
        raise ModelError(f"{path}: the model file can't be read: {error.strerror}") from None
    if magic != GGUF_MAGIC:
        raise ModelError(f"{path}: this is not a GGUF file (it doesn't begin with the letters GGUF)")
