"""Components are looked at on a fake cloud."""

import pytest

from tests.fake_cloud import FakeCloud


@pytest.fixture
def fake_cloud() -> FakeCloud:
    return FakeCloud()
