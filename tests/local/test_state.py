from pathlib import Path

from cumulo.local import rootfs, stack_state
from cumulo.local.apt import Archives
from cumulo.local.state import State


def test_a_role_that_was_cut_off_is_remembered(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    state = State(tmp_path)
    assert not state.begin_role()
    assert state.begin_role()
    state.set_applied("abc")
    assert state.applied == "abc"
    assert not state.begin_role()


def test_only_a_power_cut_in_the_first_installation_spoils_a_server(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    state = State(tmp_path)
    assert not state.is_spoiled()
    state.begin_role()
    assert not state.is_spoiled()  # killed, but the machine is the same
    (tmp_path / "installing").write_text("another boot of the machine")
    assert state.is_spoiled()
    state.set_applied("abc")
    (tmp_path / "installing").write_text("another boot of the machine")
    assert not state.is_spoiled()  # there is data to keep, and it was on the disk


def test_the_base_s_name_follows_its_archives() -> None:
    one = Archives(("deb a",))
    assert rootfs.key(one) == rootfs.key(Archives(("deb a",), {"http": "http://p"}))
    assert rootfs.key(one) != rootfs.key(Archives(("deb b",)))


def test_half_built_things_are_discarded_and_finished_ones_stay(tmp_path: Path) -> None:
    (tmp_path / "image.part" / "bin").mkdir(parents=True)
    (tmp_path / ".image.tar.zst.part").write_text("half")
    (tmp_path / "image.tar.zst").write_text("whole")
    rootfs.discard_partial(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["image.tar.zst"]


def _stack(backend: Path, project: str, name: str) -> Path:
    file = backend / ".pulumi/stacks" / project / f"{name}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("{}")
    return file


def test_only_the_local_stack_s_state_goes_with_the_cloud(tmp_path: Path) -> None:
    local = _stack(tmp_path, "cumulo", "local")
    kept = [_stack(tmp_path, "cumulo", "local2"), _stack(tmp_path, "other", "local")]
    (local.with_name("local.json.bak")).write_text("{}")
    (tmp_path / ".pulumi/history/cumulo/local").mkdir(parents=True)
    stack_state.remove(tmp_path)
    assert not list(local.parent.glob("local.*"))
    assert not (tmp_path / ".pulumi/history/cumulo/local").exists()
    assert all(file.exists() for file in kept)


def test_a_backend_that_held_nothing_else_goes_too(tmp_path: Path) -> None:
    backend = tmp_path / "state"
    _stack(backend, "cumulo", "local")
    stack_state.remove(backend)
    assert not backend.exists()
    stack_state.remove(backend)
