import doctest
from types import ModuleType

import pytest

from contacts import difference, ladder, roster


@pytest.mark.parametrize("module", [difference, ladder, roster], ids=lambda module: module.__name__)
def test_the_examples_in_the_docstrings_hold(module: ModuleType) -> None:
    assert doctest.testmod(module).failed == 0 < doctest.testmod(module).attempted
