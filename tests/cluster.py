"""A Kubernetes cluster for a test run: the program in `stacks/`, as `make up` brings it up."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.e2e.project import COMMAND, Project
from tests.e2e.tenant import Tenant, own_tenant

if TYPE_CHECKING:
    from openstack.connection import Connection

BUILD_SECONDS = 3600


class ImageBuild:
    """The node image being built beside other tests; both mostly wait, for different things."""

    def __init__(self, log: Path) -> None:
        self._log = log
        with log.open("w") as written:
            self._process = subprocess.Popen(
                ["nice", "-n", "15", COMMAND, "images", "build", "node"],
                stdout=written,
                stderr=subprocess.STDOUT,
            )

    def wait(self) -> None:
        """Fails the test unless the image gets built."""
        if self._process.poll() is None:
            sys.stderr.write("\nwaiting for the node image to be built\n")
        code = self._process.wait(BUILD_SECONDS)
        assert code == 0, f"cumulo images build node:\n{self._log.read_text()[-4000:]}"

    def upload(self) -> str:
        """Puts it into the local cloud once it is built; its name there."""
        self.wait()
        command = [COMMAND, "images", "upload", "node"]
        return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()

    def stop(self) -> None:
        """Ends the build where nobody has waited for it; the next one continues."""
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait(60)


@dataclass(frozen=True)
class StandingCluster:
    """The stack that has the cluster, and the file that lets clients in.

    Attributes:
        project: The stack.
        tenant: The OpenStack project that it is in.
        kubeconfig: The administrator's.
    """

    project: Project
    tenant: Tenant
    kubeconfig: Path


@contextmanager
def standing_cluster(
    cloud: "Connection", build: ImageBuild, folder: Path
) -> Iterator[StandingCluster]:
    """Brings a cluster up, and takes it away again; OpenStack is then as it was before."""
    build.upload()
    with own_tenant(cloud, folder) as tenant:
        project = Project(folder / "cluster", tenant.clouds_yaml)
        del project.base["cumulo:gpu_server"]
        project.base["cumulo:servers"]["cpu_count"] = 0
        project.base["cumulo:kubernetes"] = project.kubernetes
        before = tenant.inventory()
        try:
            project.up()
            kubeconfig = project.kubeconfig(folder)
            yield StandingCluster(project, tenant, kubeconfig)
        finally:
            project.destroy()
        assert tenant.inventory() == before


def named_kubeconfig() -> Path | None:
    """The cluster that `CUMULO_TEST_KUBECONFIG` names instead."""
    named = os.environ.get("CUMULO_TEST_KUBECONFIG")
    return Path(named) if named else None
