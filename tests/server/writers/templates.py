"""Chat templates that tests share, since the process of each takes long to start."""

from server.chat.template import ChatTemplate

TEMPLATES: dict[str, ChatTemplate] = {}


def template_of(source: str) -> ChatTemplate:
    """Return the template of ``source``, with one process for all tests of a module."""
    if source not in TEMPLATES:
        TEMPLATES[source] = ChatTemplate(source)
    return TEMPLATES[source]


def close_templates() -> None:
    for template in TEMPLATES.values():
        template.close()
    TEMPLATES.clear()
