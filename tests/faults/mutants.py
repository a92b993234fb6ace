"""A guard taken out of the program: one change of one function's source, for the length of a block."""

import functools
import importlib
import inspect
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest


@contextmanager
def without(place: str, words: str, instead: str) -> Iterator[None]:
    """The function at ``place`` ("module:name" or "module:Class.name") with ``words`` of its source replaced.

    The words must stand there exactly once, so that a guard that moves takes this list with it.
    """
    module_name, _, path = place.partition(":")
    module = importlib.import_module(f"coordinator.{module_name}")
    *owners, name = path.split(".")
    owner = functools.reduce(getattr, owners, module)
    function = inspect.unwrap(getattr(owner, name))
    source = textwrap.dedent(inspect.getsource(function))
    assert source.count(words) == 1, f"{place}: {source.count(words)} times {words!r}"
    made: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        exec(compile(source.replace(words, instead), f"<{place} without a guard>", "exec"), function.__globals__, made)
        patch.setattr(owner, name, made[function.__name__])
        yield
