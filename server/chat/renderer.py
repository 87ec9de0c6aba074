"""The process that renders a template which came with a model: ``python -m server.chat.renderer``.

The first line of its input is the template, each further one a conversation; a line of output answers each. The system
takes back memory and time: a template may need no more than a small part of what the server has.
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
"""Bytes of address space, Python's own 30 MiB or so included."""

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
        except ChatTemplateError:  # it may want other messages than these
            return Prompt("")

    _answer(begin, setup["seconds"])
    while template is not None and (line := sys.stdin.readline()):
        _answer(partial(template.render, **json.loads(line)), setup["seconds"])


def _answer(work: Callable[[], Prompt], seconds: float) -> None:
    """Do it, within so many seconds of computing: also when nobody is there any more to stop it."""
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
