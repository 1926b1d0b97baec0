"""A stack of the `random` provider per test."""

import pytest
from cumulo.providers.random.provider import Random

from tests.providers.driver import Stack


@pytest.fixture
def stack() -> Stack:
    return Stack(make=Random)
