"""A copy of the program with a state of its own, driven by the command that users have."""

import json
import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tests.e2e.tenant import ENTRY

ROOT = Path(__file__).parents[2]
COMMAND = str(Path(sys.executable).with_name("cumulo"))


@dataclass(frozen=True)
class Finished:
    """How a command ended, and what it said on both streams together."""

    code: int
    text: str

    def ok(self) -> "Finished":
        """Fails the test unless the command succeeded."""
        assert self.code == 0, self.text
        return self

    def refused(self) -> str:
        """Fails the test unless the command failed; what it said."""
        assert self.code != 0, self.text
        return self.text


@dataclass(frozen=True)
class Changes:
    """What an update did to resources, by their names in the program."""

    created: set[str] = field(default_factory=set)
    deleted: set[str] = field(default_factory=set)
    replaced: set[str] = field(default_factory=set)
    updated: set[str] = field(default_factory=set)


class Project:
    """The program in a folder of its own; the stack is called after the folder."""

    def __init__(self, folder: Path, clouds_yaml: Path) -> None:
        self.folder = folder
        self.stack = folder.name
        self.environment = {
            **os.environ,
            "OS_CLIENT_CONFIG_FILE": str(clouds_yaml),
            "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": "e2e",
        }
        self.environment.pop("PULUMI_CONFIG_PASSPHRASE_FILE", None)
        (folder / "state").mkdir(parents=True)
        shutil.copytree(
            ROOT / "stacks", folder / "stacks", ignore=shutil.ignore_patterns("__pycache__")
        )
        manifest = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())
        manifest["runtime"]["options"]["virtualenv"] = sys.prefix
        (folder / "Pulumi.yaml").write_text(yaml.safe_dump(manifest))
        example = yaml.safe_load((ROOT / "stacks/Pulumi.local.yaml").read_text())
        self.base: dict[str, Any] = example["config"] | {"openstack:cloud": ENTRY}
        # A cluster takes minutes, and has tests of its own.
        self.kubernetes = self.base.pop("cumulo:kubernetes")
        self._settings = folder / "stacks" / f"Pulumi.{self.stack}.yaml"
        self.run("stack", "init", self.stack).ok()
        self.set()

    def set(self, **sections: Any) -> None:
        """Writes the stack's settings: the local environment's, with these changes.

        A section that is None is left out.
        """
        config = dict(self.base)
        for section, value in sections.items():
            key = f"cumulo:{section}"
            known = config.pop(key, None)
            if value is None:
                continue
            config[key] = {**known, **value} if isinstance(known, dict) else value
        written = yaml.safe_load(self._settings.read_text()) if self._settings.exists() else None
        self._settings.write_text(yaml.safe_dump({**(written or {}), "config": config}))

    def start(self, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
        """Starts `cumulo` with these arguments."""
        command = [COMMAND, *arguments, "--non-interactive", "--color", "never"]
        return subprocess.Popen(
            command,
            cwd=self.folder,
            env={**self.environment, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *arguments: str, **environment: str) -> Finished:
        """Runs `cumulo` with these arguments to its end."""
        with self.start(*arguments, **environment) as process:
            text, _ = process.communicate(timeout=800)
            return Finished(process.returncode, text)

    def up(self, **sections: Any) -> Changes:
        """Brings the stack to these settings; says what changed."""
        self.set(**sections)
        before = self.resources()
        self.run("up", "--yes", "--skip-preview", "--stack", self.stack).ok()
        return compare(before, self.resources())

    def destroy(self) -> None:
        """Deletes all that the stack has."""
        self.run("destroy", "--yes", "--skip-preview", "--stack", self.stack).ok()

    def resources(self) -> dict[str, dict[str, Any]]:
        """The stack's OpenStack resources, by their names in the program."""
        exported = self.folder / "export.json"
        self.run("stack", "export", "--file", str(exported), "--stack", self.stack).ok()
        deployment = json.loads(exported.read_text())["deployment"]
        return {
            f"{item['type'].rpartition(':')[2]} {item['urn'].rpartition('::')[2]}": item
            for item in deployment.get("resources") or ()
            if item["type"].startswith("openstack:")
        }

    def outputs(self, *options: str) -> Any:
        """What the stack exports; secrets too with `--show-secrets`."""
        finished = subprocess.run(
            [COMMAND, "stack", "output", "--json", "--stack", self.stack, *options],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return json.loads(finished.stdout)

    def kubeconfig(self, folder: Path) -> Path:
        """The administrator's, in a file that only its owner reads."""
        file = folder / "kubeconfig"
        file.touch(0o600)
        file.write_text(self.outputs("--show-secrets")["kubeconfig"])
        return file


def compare(before: dict[str, dict[str, Any]], after: dict[str, dict[str, Any]]) -> Changes:
    """What happened between two states."""
    both = before.keys() & after.keys()
    replaced = {name for name in both if before[name]["id"] != after[name]["id"]}
    return Changes(
        created=after.keys() - before.keys(),
        deleted=before.keys() - after.keys(),
        replaced=replaced,
        updated={
            name for name in both - replaced if before[name]["inputs"] != after[name]["inputs"]
        },
    )


def get(url: str) -> str | None:
    """The page at an address, or None where nobody answers."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=3) as response:
            page: str = response.read().decode().strip()
            return page
    except (urllib.error.URLError, OSError):
        return None
