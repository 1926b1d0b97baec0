"""Which teams there are, and whose they are: a file, read anew when it has changed."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

FILE: Final = "CUMULO_TEAMS"
"""The variable that says where the file is."""


@dataclass(frozen=True)
class Team:
    """A team.

    Attributes:
        members: The groups whose people read and write.
        readers: The groups whose people read.
    """

    members: frozenset[str]
    readers: frozenset[str]

    def admits(self, groups: frozenset[str], *, writing: bool) -> bool:
        """Whether somebody of these groups may do that."""
        return bool(groups & (self.members if writing else self.members | self.readers))


class Roster:
    """The teams, by name."""

    def __init__(self, path: str | None = None) -> None:
        self._path = Path(path or os.environ[FILE])
        self._stamp: tuple[int, int] | None = None
        self._teams: Mapping[str, Team] = {}

    def teams(self) -> Mapping[str, Team]:
        """All teams, as the file has them now."""
        found = self._path.stat()
        stamp = (found.st_ino, found.st_mtime_ns)
        if stamp != self._stamp:
            said = json.loads(self._path.read_text("utf-8"))
            self._teams = {
                name: Team(frozenset(team["members"]), frozenset(team["readers"]))
                for name, team in said.items()
            }
            self._stamp = stamp
        return self._teams

    def of(self, groups: frozenset[str]) -> tuple[str, ...]:
        """The teams that somebody of these groups may at least read."""
        return tuple(
            name for name, team in self.teams().items() if team.admits(groups, writing=False)
        )
