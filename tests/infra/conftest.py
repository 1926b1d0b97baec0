"""Components are looked at on a fake cloud."""

import logging

import pytest

from tests.fake_cloud import FakeCloud


@pytest.fixture(autouse=True)
def _quiet_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    # A program that fails leaves outputs that nobody asks for; asyncio tells of each on stderr.
    monkeypatch.setattr(logging.getLogger("asyncio"), "disabled", True)


@pytest.fixture
def fake_cloud() -> FakeCloud:
    return FakeCloud()
