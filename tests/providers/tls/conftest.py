"""A stack of the `tls` provider per test."""

import pytest
from cumulo.providers.tls.provider import Tls

from tests.providers.driver import Stack


@pytest.fixture
def stack() -> Stack:
    return Stack(make=Tls)
