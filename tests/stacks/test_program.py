import json
import runpy
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pulumi
import pytest
import yaml

from tests.fake_cloud import FakeCloud

STACKS = Path(__file__).parents[2] / "stacks"


def run(cloud: FakeCloud, stack: str, **sections: Any) -> dict[str, Any]:
    """Runs the program as Pulumi would; returns what it exports."""
    config = yaml.safe_load((STACKS / f"Pulumi.{stack}.yaml").read_text())["config"]
    for section, value in sections.items():
        if value is None:
            del config[f"cumulo:{section}"]
            continue
        known = config.get(f"cumulo:{section}")
        config[f"cumulo:{section}"] = {**known, **value} if isinstance(known, dict) else value
    pulumi.runtime.set_all_config(
        {
            key: json.dumps(value) if isinstance(value, dict | list) else str(value)
            for key, value in config.items()
        }
    )
    exports: dict[str, Any] = {}

    def remember(name: str, value: Any) -> None:
        exports[name] = value

    def program() -> None:
        runpy.run_path(str(STACKS / "__main__.py"), run_name="__main__")
        pulumi.Output.all(**exports).apply(exports.update)

    with patch.object(pulumi, "export", remember):
        cloud.run(program, stack=stack)
    return exports


def test_the_local_environment_is_a_service_and_three_servers(fake_cloud: FakeCloud) -> None:
    exports = run(fake_cloud, "local")

    instances = fake_cloud.of_type("Instance")
    assert {item["name"]: item["flavorName"] for item in instances.values()} == {
        "web-0": "m1.small",
        "web-1": "m1.small",
        "gpu": "gpu.h200.1",
        "kubernetes-control-0": "m1.medium",
        "kubernetes-cpu-0": "m1.medium",
        "kubernetes-cpu-1": "m1.medium",
        "kubernetes-gpu-0": "gpu.h200.1",
    }
    assert {name for name, server in exports["servers"].items() if server["address"]} == {
        "web-0",
        "web-1",
        "gpu",
    }
    service = fake_cloud.inputs("web-floating-ip-associate")["floatingIp"]
    assert exports["service_url"] == f"http://{service}:80/"
    assert exports["endpoints"]["service"] == exports["service_url"]
    assert (
        exports["endpoints"]["gpu"] == f"ssh://{exports['servers']['gpu']['floating_address']}:22"
    )
    assert exports["endpoints"]["kubernetes"].endswith(":6443/readyz")
    members = [name for name in fake_cloud.of_type("Member") if name.startswith("web-")]
    assert len(members) == 2


def test_an_environment_without_a_cluster_has_none(fake_cloud: FakeCloud) -> None:
    exports = run(fake_cloud, "local", kubernetes=None)

    assert "kubeconfig" not in exports
    assert "kubernetes" not in exports["endpoints"]
    assert not any("kubernetes" in name for name in fake_cloud.resources)


def test_nodes_have_the_environment_s_registry_as_their_mirror(fake_cloud: FakeCloud) -> None:
    exports = run(
        fake_cloud,
        "local",
        registry={
            "flavor": "m1.small",
            "bucket": {
                "endpoint": "https://objects.example",
                "name": "images",
                "access_key": "a",
                "secret_key": "s",
            },
            "projects": {"research": {"private": True}},
            "upstreams": {"quay.io": {"pull_through": True}},
            "tags_kept": 9,
        },
    )

    data = fake_cloud.inputs("kubernetes-cpu-0-instance")["userData"]["value"]
    address = exports["registry"]["address"]
    assert f"https://{address}:5001/v2" in data
    assert "certs.d/registry.cumulo.local/hosts.toml" in data
    assert set(exports["registry"]["credentials"]) == {"research", "images"}
    assert "--keep-tags=9" in fake_cloud.inputs("registry-instance")["userData"]["value"]


def test_nodes_without_a_registry_ask_each_its_own(fake_cloud: FakeCloud) -> None:
    exports = run(fake_cloud, "local")

    assert "registry" not in exports
    data = fake_cloud.inputs("kubernetes-cpu-0-instance")["userData"]["value"]
    assert "certs.d" not in data


def test_nodes_are_made_of_the_newest_image_of_their_kubernetes(fake_cloud: FakeCloud) -> None:
    run(fake_cloud, "local", kubernetes={"version": "1.35.4"})

    made = fake_cloud.of_type("Instance")
    assert {
        item["imageName"] for item in made.values() if item["name"].startswith("kubernetes-")
    } == {"kubernetes-node"}


def test_a_version_that_no_image_has_says_how_to_get_one(fake_cloud: FakeCloud) -> None:
    with pytest.raises(pulumi.RunError, match=r"cumulo images upload node --kubernetes 1\.30\.0"):
        run(fake_cloud, "local", kubernetes={"version": "1.30.0"})


def test_only_the_web_servers_serve(fake_cloud: FakeCloud) -> None:
    run(fake_cloud, "local")

    web = fake_cloud.inputs("web-0-instance")["userData"]
    assert web.startswith("#cloud-config\n")
    unit, *_ = json.loads(web.partition("\n")[2])["write_files"]
    assert "http.server 8080" in unit["content"]
    assert "userData" not in fake_cloud.inputs("gpu-server-instance")
    assert fake_cloud.inputs("gpu-server-port")["securityGroupIds"] == ["login-security-group-id"]


def test_nobody_logs_in_where_nobody_is_said_to(fake_cloud: FakeCloud) -> None:
    exports = run(fake_cloud, "prod")

    rules = fake_cloud.of_type("SecGroupRule")
    assert {name for name in rules if name.startswith("login-")} == set()
    assert [name for name, url in exports["endpoints"].items() if url] == ["service"]


def test_nothing_is_open_to_the_world_but_where_settings_say_so(fake_cloud: FakeCloud) -> None:
    run(fake_cloud, "dev")

    for rule in fake_cloud.of_type("SecGroupRule").values():
        assert rule["remoteIpPrefix"] != "0.0.0.0/0"


def test_a_public_key_becomes_a_key_pair_on_every_server(fake_cloud: FakeCloud) -> None:
    run(fake_cloud, "local", access={"ssh_public_key": "ssh-ed25519 AAAA me"})

    assert fake_cloud.inputs("login") == {
        "name": "cumulo-local",
        "publicKey": "ssh-ed25519 AAAA me",
    }
    for instance in fake_cloud.of_type("Instance").values():
        assert instance["keyPair"] == "cumulo-local"


def test_bad_settings_stop_the_program_before_it_makes_anything(fake_cloud: FakeCloud) -> None:
    with pytest.raises(pulumi.RunError, match=r"Pulumi\.local\.yaml: cumulo:servers\.cpu_cout: "):
        run(fake_cloud, "local", servers={"cpu_cout": 3})

    assert fake_cloud.resources == {}
