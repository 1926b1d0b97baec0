import pytest
from cumulo.local.command import run, succeeds
from cumulo.local.errors import CumuloError


def test_output_input_and_environment() -> None:
    assert run("sh", "-c", 'cat; printf "$EXTRA"', stdin="in", env={"EXTRA": "out"}) == "inout"


def test_a_failure_names_the_command_its_words_and_the_mend() -> None:
    with pytest.raises(CumuloError) as error:
        run("sh", "-c", "echo broken >&2; exit 3", remedy="mend it")
    assert "(3)" in error.value.message
    assert "broken" in error.value.message
    assert error.value.remedy == "mend it"


def test_a_missing_command_and_one_that_hangs() -> None:
    with pytest.raises(CumuloError, match="`no-such-tool` is missing"):
        run("no-such-tool")
    with pytest.raises(CumuloError, match="did not end"):
        run("sleep", "30", timeout=0.1)
    assert not succeeds("false")
    assert succeeds("true")
