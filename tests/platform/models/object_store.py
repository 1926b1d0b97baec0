"""An object store that speaks S3, in an environment of its own: moto's server.

Not the cloud's Swift, so that these tests need no cloud; that Swift takes what MLflow sends is
seen where both are in a cluster.
"""

import hashlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import urllib3
from cumulo.local import files, paths, progress

from tests.images.containers.running import free_port, listens

_REQUIREMENTS = Path(__file__).with_name("object_store.txt")


def _environment() -> Path:
    """A virtual environment with moto in it; made once, and kept."""
    content = _REQUIREMENTS.read_bytes() + sys.version.encode()
    key = hashlib.sha256(content).hexdigest()[:16]
    finished = paths.cache() / "moto" / key
    with files.lock(paths.cache() / "moto" / "lock", "waiting for another test run"):
        if (finished / "complete").exists():
            return finished
        files.remove_tree(finished)
        uv = [sys.executable, "-m", "uv"]
        with progress.step("installing an object store for tests"):
            for command in (
                [*uv, "venv", "--quiet", "--python", sys.executable, str(finished)],
                [
                    *(*uv, "pip", "install", "--quiet", "--require-hashes"),
                    *("--python", str(finished / "bin/python"), "-r", str(_REQUIREMENTS)),
                ],
            ):
                subprocess.run(command, check=True, timeout=300)
        (finished / "complete").touch()
    return finished


@contextmanager
def running(bucket: str, log: Path) -> Iterator[str]:
    """An object store with one bucket; its URL."""
    port = free_port()
    command = [str(_environment() / "bin/moto_server"), "-H", "127.0.0.1", "-p", str(port)]
    told = {**os.environ, "PYTHONWARNINGS": "ignore"}
    with log.open("wb") as output:
        server = subprocess.Popen(command, stdout=output, stderr=output, env=told)
    url = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 60
        while not listens(port):
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < deadline, f"the object store does not answer: {url}"
            time.sleep(0.1)
        with urllib3.PoolManager(timeout=30) as pool:
            assert pool.request("PUT", f"{url}/{bucket}").status == 200
        yield url
    finally:
        server.terminate()
        server.wait(30)
