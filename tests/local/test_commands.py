import threading

import pytest
from cumulo.local.commands import together
from cumulo.local.errors import CumuloError


def test_both_are_done_at_once() -> None:
    meeting = threading.Barrier(2, timeout=30)
    together(meeting.wait, meeting.wait)


def test_the_error_of_each_is_raised() -> None:
    def fail() -> None:
        raise CumuloError("no")

    with pytest.raises(CumuloError, match="no"):
        together(fail, lambda: None)
    with pytest.raises(CumuloError, match="no"):
        together(lambda: None, fail)


def test_the_errors_of_both_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    def no_cloud() -> None:
        raise CumuloError("no cloud", "make one")

    def no_cli() -> None:
        raise CumuloError("no CLI")

    with pytest.raises(CumuloError, match="no CLI"):
        together(no_cloud, no_cli)
    assert capsys.readouterr().err == "error: no cloud\n  make one\n"
