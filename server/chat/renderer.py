"""Separate process that renders a model's own template: ``python -m server.chat.renderer``.

The first input line is the template, each further one a conversation; it answers each with one line. The system limits
its memory and time: a template may use only a small part of the server's.
"""

from __future__ import annotations

import json
import resource
import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from server.chat.prompt import Prompt
from server.chat.sandbox import ChatTemplateError, SandboxedTemplate, TemplateLimitError
from server.resources import limit_process

MEMORY: Final = 512 << 20
"""Limit of the address space, in bytes, including about 30 MiB for Python itself."""

SAMPLE: Final = ({"role": "user", "content": "Hello"},)


def main() -> None:
    limit_process({"RLIMIT_AS": MEMORY, "RLIMIT_CORE": 0, "RLIMIT_FSIZE": 0, "RLIMIT_NOFILE": 16})
    setup = json.loads(sys.stdin.readline())
    template: SandboxedTemplate | None = None

    def begin() -> Prompt:
        nonlocal template
        template = SandboxedTemplate(setup["source"], setup["tokens"])
        try:
            return template.render(SAMPLE)
        except TemplateLimitError:
            raise
        except ChatTemplateError:  # the template may require other messages than these
            return Prompt("")

    _answer(begin, setup["seconds"])
    while template is not None and (line := sys.stdin.readline()):
        _answer(partial(template.render, **json.loads(line)), setup["seconds"])


def _answer(work: Callable[[], Prompt], seconds: float) -> None:
    """Run ``work`` within ``seconds`` of CPU time, enforced by the system even after the server has ended."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    end = int(usage.ru_utime + usage.ru_stime + seconds) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (end, resource.RLIM_INFINITY))
    sys.stdout.write(json.dumps(_reply(work)) + "\n")
    sys.stdout.flush()


def _reply(work: Callable[[], Prompt]) -> Mapping[str, Any]:
    try:
        prompt = work()
        return {"text": prompt.text, "quoted": prompt.quoted, "lost": prompt.lost}
    except ChatTemplateError as error:
        return {"error": str(error)[:1000], "limit": isinstance(error, TemplateLimitError)}
    except MemoryError:
        return {"error": f"the model's chat template needs more than {MEMORY >> 20} MiB of memory", "limit": True}


if __name__ == "__main__":
    main()
