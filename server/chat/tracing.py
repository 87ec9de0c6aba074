"""jinja2's sandbox with tracing: text from messages stays traced (traced.py) up to the output."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from types import NoneType
from typing import Any, Final

from jinja2 import Environment, nodes, pass_environment
from jinja2.compiler import CodeGenerator, Frame
from jinja2.filters import make_attrgetter
from jinja2.nodes import EvalContext
from jinja2.runtime import Context, Macro
from jinja2.sandbox import ImmutableSandboxedEnvironment

from server.chat.traced import TracedText, from_template, joined

TRACING_FILTERS: Final = frozenset(
    "abs attr batch capitalize count d default dictsort first float groupby int items last length list lower map max "
    "min random reject rejectattr replace reverse round select selectattr slice sort sum trim unique upper "
    "wordcount".split()
)
"""Filters whose result consists of their argument's own parts, or of results of its methods."""


class TracingEnvironment(ImmutableSandboxedEnvironment):
    """A sandbox whose templates return a TracedText for everything that depends on one."""

    concat = staticmethod(joined)  # jinja2 joins the parts of every block with it
    intercepted_binops = frozenset("+%")

    def __init__(self, extensions: Iterable[Any]) -> None:
        super().__init__(trim_blocks=True, lstrip_blocks=True, extensions=tuple(extensions), finalize=as_text)
        self.code_generator_class = _TracingCode
        for name, function in self.filters.items():
            self.filters[name] = _lifted(function) if name in TRACING_FILTERS else mixing(function)
        self.filters["join"] = _join
        self.filters["string"] = as_text

    def call(self, context: Context, callee: Any, /, *args: Any, **kwargs: Any) -> Any:
        """Call a function or method for a template."""
        receiver = getattr(callee, "__self__", None)
        if isinstance(receiver, str) and not isinstance(receiver, TracedText) and touches((args, kwargs)):
            callee, receiver = getattr(from_template(receiver), callee.__name__), None
        result = super().call(context, callee, *args, **kwargs)
        if receiver is not None or isinstance(callee, Macro):
            return result
        return _mixed(result, (args, kwargs))

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Compute ``left % right`` or ``left + right``: a tuple on the right, or Markup on the left, does not trace
        by itself."""
        return _mixed(super().call_binop(context, operator, left, right), (left, right))


class _TracingCode(CodeGenerator):
    """Compiles the operator ``~`` to a call that traces."""

    def visit_Concat(self, node: nodes.Concat, frame: Frame) -> None:
        self.write("environment.concat(map(environment.finalize, (")
        for each in node.nodes:
            self.visit(each, frame)
            self.write(", ")
        self.write(")))")


def as_text(value: Any) -> Any:
    """Return ``str(value)``, traced if it shows any part of a message."""
    return value if isinstance(value, str) else _mixed(str(value), value)


def touches(value: Any) -> bool:
    """Tell whether a value contains traced text or may do so: objects other than plain data are unknown."""
    if isinstance(value, str):
        return isinstance(value, TracedText)
    if isinstance(value, Mapping):
        return any(touches(key) or touches(each) for key, each in value.items())
    if isinstance(value, list | tuple):
        return any(map(touches, value))
    return not isinstance(value, int | float | NoneType)


def mixing(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a filter so that its result is MIXED if any argument is traced."""

    @functools.wraps(function)
    def filter(*args: Any, **kwargs: Any) -> Any:
        arguments = [arg for arg in args if not isinstance(arg, Context | Environment | EvalContext)]
        result = function(*args, **kwargs)
        return TracedText(result) if isinstance(result, str) and touches((arguments, kwargs)) else result

    return filter


def _lifted(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a filter that calls its arguments' methods: these trace if any argument does."""

    @functools.wraps(function)
    def filter(*args: Any, **kwargs: Any) -> Any:
        if any(isinstance(arg, TracedText) for arg in (*args, *kwargs.values())):
            args = tuple(from_template(arg) if isinstance(arg, str) else arg for arg in args)
        return function(*args, **kwargs)

    return filter


@pass_environment
def _join(environment: Environment, value: Iterable[Any], d: str = "", attribute: str | int | None = None) -> Any:
    """Implement jinja2's ``join`` with tracing."""
    parts = value if attribute is None else map(make_attrgetter(environment, attribute), value)
    return joined(map(as_text, parts), as_text(d))


def _mixed(result: Any, arguments: Any) -> Any:
    is_new = isinstance(result, str) and not isinstance(result, TracedText)
    return TracedText(result) if is_new and touches(arguments) else result
