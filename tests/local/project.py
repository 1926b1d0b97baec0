"""A Pulumi project that a test runs through the `cumulo` command, with a state of its own."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

CUMULO = str(Path(sys.executable).with_name("cumulo"))


class Project:
    """A Pulumi project in a temporary folder, whose stack `dev` is selected."""

    def __init__(self, folder: Path, data: Path) -> None:
        self.folder = folder
        self.env = {
            **{name: value for name, value in os.environ.items() if "PULUMI" not in name},
            "HOME": str(data),
            # The CLI that was built stays where it is.
            "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache"),
            "XDG_DATA_HOME": str(data),
            "PULUMI_CONFIG_PASSPHRASE": "correct horse",
        }
        self.write("Pulumi.yaml", "name: sample\nruntime: python\n")

    def write(self, name: str, text: str) -> Path:
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text), "utf-8")
        return file

    def program(self, text: str) -> None:
        self.write("__main__.py", text)

    def run(
        self, *arguments: str, stdin: str | None = None, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [CUMULO, *arguments],
            cwd=self.folder,
            env={**self.env, **variables},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=300,
        )

    def ok(self, *arguments: str, stdin: str | None = None) -> str:
        run = self.run(*arguments, stdin=stdin)
        assert run.returncode == 0, run.stdout + run.stderr
        return run.stdout

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [CUMULO, *arguments],
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            process_group=0,
        )
