"""Waits until every address that a stack has printed answers: `python stacks/check.py --stack X`.

The last step of `make up`: OpenStack calls a server active long before its service runs.
"""

import argparse
import base64
import json
import shutil
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any, TextIO
from urllib.parse import urlsplit

ATTEMPT_SECONDS = 5
PAUSE_SECONDS = 1


class CheckError(Exception):
    """What users should read: what is wrong, and how to look closer."""


@dataclass(frozen=True)
class Answer:
    """How an endpoint fared.

    Attributes:
        name: Its name.
        url: Where it is.
        problem: What is wrong with it, if anything.
        seconds: How long it took to answer.
    """

    name: str
    url: str
    problem: str | None
    seconds: float = 0


def outputs(stack: str, pulumi: str) -> dict[str, Any]:
    """What the stack exports, secrets too."""
    command = [pulumi, "stack", "output", "--json", "--show-secrets", "--stack", stack]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise CheckError(f"{' '.join(command)} failed:\n{run.stderr.strip()}")
    exported: dict[str, Any] = json.loads(run.stdout)
    return exported


def endpoints(stack: str, exported: dict[str, Any]) -> dict[str, str]:
    """The addresses that the stack promises will answer, by name."""
    promised = exported.get("endpoints")
    if promised is None:
        raise CheckError(
            f"stack {stack} has no output 'endpoints'; is it up? `pulumi up --stack {stack}`"
        )
    return {name: url for name, url in promised.items() if url}


def trust(exported: dict[str, Any]) -> ssl.SSLContext:
    """What https servers are checked with: the machine's authorities, and the cluster's own."""
    context = ssl.create_default_context()
    if kubeconfig := exported.get("kubeconfig"):
        for entry in json.loads(kubeconfig)["clusters"]:
            authority = base64.b64decode(entry["cluster"]["certificate-authority-data"])
            context.load_verify_locations(cadata=authority.decode())
    return context


def ask_http(url: str, trusted: ssl.SSLContext) -> None:
    """Raises OSError unless a web server answers with success."""
    # A proxy for the internet knows nothing of the cloud's addresses.
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trusted)
    )
    try:
        with opener.open(url, timeout=ATTEMPT_SECONDS) as response:
            response.read()
    except HTTPException as error:
        raise OSError(f"no web server: {error!r}") from error


def ask_ssh(url: str, _trusted: ssl.SSLContext) -> None:
    """Raises OSError unless an ssh server says who it is."""
    where = urlsplit(url)
    address = (where.hostname, where.port or 22)
    with socket.create_connection(address, timeout=ATTEMPT_SECONDS) as connection:
        greeting = connection.recv(4)
    if greeting != b"SSH-":
        raise OSError(f"no ssh server: it said {greeting!r}")


ASK: dict[str, Callable[[str, ssl.SSLContext], None]] = {
    "http": ask_http,
    "https": ask_http,
    "ssh": ask_ssh,
}


def wait_for(name: str, url: str, trusted: ssl.SSLContext, deadline: float) -> Answer:
    """Asks until there is an answer or the deadline (of the monotonic clock) has passed."""
    ask = ASK.get(urlsplit(url).scheme)
    if ask is None:
        return Answer(name, url, f"cannot be checked; known are {', '.join(ASK)}")
    began = time.monotonic()
    while True:
        try:
            ask(url, trusted)
        except OSError as error:
            if time.monotonic() >= deadline:
                return Answer(name, url, str(error) or type(error).__name__)
            time.sleep(PAUSE_SECONDS)
        else:
            return Answer(name, url, None, time.monotonic() - began)


def wait_for_all(
    promised: dict[str, str], trusted: ssl.SSLContext, seconds: float
) -> Iterator[Answer]:
    """Asks all endpoints at the same time; yields them in order."""
    deadline = time.monotonic() + seconds
    with ThreadPoolExecutor(max_workers=max(1, len(promised))) as pool:
        waiting = [
            pool.submit(wait_for, name, url, trusted, deadline) for name, url in promised.items()
        ]
        for answer in waiting:
            yield answer.result()


def main(arguments: list[str] | None = None) -> int:
    """Runs the check; returns the exit code."""
    parser = argparse.ArgumentParser(prog="check.py", description=__doc__)
    parser.add_argument("--stack", default="local", help="the stack to check")
    parser.add_argument("--deadline", type=float, default=300, help="seconds to wait in all")
    options = parser.parse_args(arguments)
    # `cumulo` is `pulumi` in the environment of the local cloud.
    pulumi = "cumulo" if shutil.which("cumulo") else "pulumi"
    try:
        exported = outputs(options.stack, pulumi)
        promised = endpoints(options.stack, exported)
    except (CheckError, OSError) as error:
        _say(str(error), sys.stderr)
        return 1
    silent = []
    width = max(map(len, promised), default=0)
    for answer in wait_for_all(promised, trust(exported), options.deadline):
        answers = f"answers after {answer.seconds:.1f} s"
        state = answers if answer.problem is None else f"silent: {answer.problem}"
        _say(f"{answer.name:{width}}  {answer.url}  {state}")
        if answer.problem is not None:
            silent.append(answer.name)
    if silent:
        names = ", ".join(silent)
        _say(
            f"{names}: no answer in {options.deadline:.0f} s. {_advice(options.stack)}", sys.stderr
        )
        return 1
    return 0


def _advice(stack: str) -> str:
    if stack == "local":
        return "Look at the cloud: `cumulo local status` and `cumulo local logs`."
    return "Look at the servers: `openstack console log show NAME`, and their security groups."


def _say(text: str, stream: TextIO | None = None) -> None:
    print(text, file=stream or sys.stdout, flush=True)


if __name__ == "__main__":
    sys.exit(main())
