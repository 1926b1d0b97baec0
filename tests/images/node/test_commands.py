"""The commands of a node as they are built. Building them takes 20 minutes where they are not."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cumulo.images.node import commands
from cumulo.images.node.release import Release, releases

pytestmark = [pytest.mark.slow, pytest.mark.timeout(7200)]


@pytest.fixture(scope="module", params=releases(), ids=lambda one: one.minor)
def release(request: pytest.FixtureRequest) -> Release:
    found: Release = request.param
    return found


@pytest.fixture(scope="module")
def made(release: Release) -> Path:
    return commands.build(release)


def _said(*command: str | Path) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=120)
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("kube-apiserver", ["--version"]),
        ("kube-controller-manager", ["--version"]),
        ("kube-proxy", ["--version"]),
        ("kube-scheduler", ["--version"]),
        ("kubeadm", ["version", "-o", "short"]),
        ("kubectl", ["version", "--client"]),
        ("kubelet", ["--version"]),
    ],
)
def test_one_binary_is_each_command_by_its_name(
    tmp_path: Path, release: Release, made: Path, name: str, arguments: list[str]
) -> None:
    (tmp_path / name).symlink_to(made / "kubernetes")

    assert f"v{release.kubernetes}" in _said(tmp_path / name, *arguments)
    assert f"v{release.kubernetes}" in _said(made / "kubernetes", name, *arguments)


@pytest.mark.parametrize(
    ("name", "flag"),
    [
        ("certificate-approver", "--kubeconfig"),
        ("kube-router", "--run-firewall"),
        ("local-volumes", "--provisioner"),
        ("metrics-server", "--kubelet-insecure-tls"),
        ("openstack-cloud-controller-manager", "--cloud-provider"),
    ],
)
def test_the_binary_is_also_what_runs_beside_it(made: Path, name: str, flag: str) -> None:
    assert flag in _said(made / "kubernetes", name, "--help")


def test_what_kube_router_is_not_linked_for_is_refused(made: Path) -> None:
    done = subprocess.run([made / "kubernetes", "kube-router"], capture_output=True, text=True)

    assert done.returncode == 1
    assert "only kube-router's firewall is in this image: give --run-firewall=true" in done.stderr


def test_a_name_that_it_does_not_know_is_told_with_those_that_it_does(made: Path) -> None:
    done = subprocess.run([made / "kubernetes", "docker"], capture_output=True, text=True)

    assert done.returncode == 2
    assert "docker is none of the commands in this binary" in done.stderr
    assert "kubelet" in done.stderr


def test_the_others_have_their_versions(release: Release, made: Path) -> None:
    assert f"etcd Version: {release.etcd}\n" in _said(made / "server", "--version")
    assert f"etcdctl version: {release.etcd}\n" in _said(made / "etcdctl", "version")
    assert f"CoreDNS-{release.coredns}\n" in _said(made / "coredns", "-version")
    assert _said(made / "flanneld", "--version") == f"v{release.flannel}\n"
    assert release.agnhost in _said(made / "agnhost", "--version")


DELEGATE = """#!/bin/sh
# Stands in for the plugin `bridge`, which would need a network namespace and root's powers in it.
cat > "$CNI_LOG.$CNI_COMMAND"
if [ "$CNI_COMMAND" = ADD ]; then
    echo '{"cniVersion": "1.0.0", "ips": [{"address": "10.244.1.7/24"}]}'
fi
"""
NETWORK: dict[str, Any] = {
    "cniVersion": "1.0.0",
    "name": "cbr0",
    "type": "flannel",
    "delegate": {"hairpinMode": True, "isDefaultGateway": True},
}
SUBNET = """FLANNEL_NETWORK=10.244.0.0/16
FLANNEL_SUBNET=10.244.1.1/24
FLANNEL_MTU=1342
FLANNEL_IPMASQ=true
"""


class Plugin:
    """flannel's CNI plugin, called as a runtime calls it."""

    def __init__(self, made: Path, folder: Path) -> None:
        self.folder = folder
        self._program = made / "flannel-cni"
        (folder / "bridge").write_text(DELEGATE)
        (folder / "bridge").chmod(0o755)
        self.network = NETWORK | {
            "subnetFile": str(folder / "subnet.env"),
            "dataDir": str(folder / "data"),
        }

    def call(self, command: str) -> "subprocess.CompletedProcess[str]":
        environment = {
            "CNI_COMMAND": command,
            "CNI_CONTAINERID": "c1",
            "CNI_NETNS": str(self.folder / "netns"),
            "CNI_IFNAME": "eth0",
            "CNI_PATH": str(self.folder),
            "CNI_LOG": str(self.folder / "log"),
        }
        return subprocess.run(
            [self._program],
            input=json.dumps(self.network),
            env=os.environ | environment,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def delegated(self, command: str) -> dict[str, Any]:
        told: dict[str, Any] = json.loads((self.folder / f"log.{command}").read_text())
        return told


@pytest.fixture
def plugin(tmp_path: Path, made: Path) -> Iterator[Plugin]:
    netns = tmp_path / "netns"
    netns.touch()
    subprocess.run(["unshare", f"--net={netns}", "true"], check=True)
    yield Plugin(made, tmp_path)
    subprocess.run(["umount", netns], check=True)


def test_a_pod_is_connected_to_the_node_s_subnet(plugin: Plugin) -> None:
    (plugin.folder / "subnet.env").write_text(SUBNET)

    added = plugin.call("ADD")

    assert added.returncode == 0, added.stdout + added.stderr
    assert json.loads(added.stdout)["ips"][0]["address"] == "10.244.1.7/24"
    told = plugin.delegated("ADD")
    assert (told["type"], told["mtu"], told["hairpinMode"]) == ("bridge", 1342, True)
    assert told["ipMasq"] is False  # flanneld does it.
    assert told["ipam"]["ranges"] == [[{"subnet": "10.244.1.0/24"}]]
    assert told["ipam"]["routes"] == [{"dst": "10.244.0.0/16"}]


def test_a_pod_goes_as_it_came_though_the_subnet_has_changed(plugin: Plugin) -> None:
    (plugin.folder / "subnet.env").write_text(SUBNET)
    plugin.call("ADD")
    (plugin.folder / "subnet.env").write_text(SUBNET.replace("10.244.1.1", "10.244.9.1"))

    assert plugin.call("DEL").returncode == 0
    assert plugin.delegated("DEL")["ipam"]["ranges"] == [[{"subnet": "10.244.1.0/24"}]]
    (plugin.folder / "log.DEL").unlink()
    assert plugin.call("DEL").returncode == 0
    assert not (plugin.folder / "log.DEL").exists()


def test_a_node_without_a_subnet_yet_says_so(plugin: Plugin) -> None:
    failed = plugin.call("ADD")

    assert failed.returncode == 1
    assert "flanneld has not set up this node's network yet" in json.loads(failed.stdout)["msg"]
