import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from settings import Settings, SettingsError, stack_config

HERE = Path(__file__).parent
STACKS = HERE.parents[1] / "stacks"

# By fixture: what the whole message is, line by line.
REFUSED = {
    "key-in-section.error.unknown": [
        "cumulo:servers.cpu_count: required: How many.",
        (
            "cumulo:servers.cpu_cout: unknown key; "
            "allowed: cpu_count, cpu_flavor, at_once, floating_ips"
        ),
    ],
    "top-level-key.error.unknown": [
        (
            "cumulo:severs: unknown key; "
            "allowed: image, network, access, servers, gpu_server, service, registry, kubernetes"
        ),
    ],
    "cidr.error.missing": [
        "cumulo:network.cidr: required: Its private addresses, as 192.168.60.0/24.",
    ],
    "section.error.missing": [
        "cumulo:service: required: The web service behind the load balancer.",
    ],
    "cidr.error.host-bits": [
        "cumulo:network.cidr: input is not a valid IPv4 network",
    ],
    "clients.error.range": [
        "cumulo:service.clients: allowed: a range such as 10.0.0.0/8, or world",
    ],
    "count.error.negative": [
        "cumulo:servers.cpu_count: input should be greater than or equal to 0",
    ],
    "count.error.no-number": [
        "cumulo:servers.cpu_count: input should be a valid integer",
    ],
    "section.error.no-section": [
        (
            "cumulo:servers: a section with keys is needed; "
            "allowed: cpu_count, cpu_flavor, at_once, floating_ips"
        ),
    ],
    "flavors.error.empty": [
        "cumulo:gpu_server.flavors: at least 1 item is needed",
    ],
    "control-plane.error.even": [
        "cumulo:kubernetes.control_plane.count: input should be 1 or 3",
    ],
    "pool.error.unknown": [
        "cumulo:kubernetes.pools.cpu.count: required: How many.",
        (
            "cumulo:kubernetes.pools.cpu.cuont: unknown key; "
            "allowed: count, flavor, gpu, labels, taints"
        ),
        "cumulo:kubernetes.api_clients: at least 1 item is needed",
    ],
    "registry.error.unknown": [
        "cumulo:registry.flavor: required: The flavor of its server, by name.",
        (
            "cumulo:registry.bucket.secret_key: required: The secret half: "
            "`pulumi config set --secret --path cumulo:registry.bucket.secret_key`."
        ),
        (
            "cumulo:registry.upstreams.docker.io.pull: unknown key; "
            "allowed: pull_through, username, password"
        ),
    ],
    "two.error.at-once": [
        "cumulo:network.cidr: required: Its private addresses, as 192.168.60.0/24.",
        "cumulo:network.cdir: unknown key; allowed: cidr, external_network, dns_nameservers",
        "cumulo:servers.cpu_count: required: How many.",
        (
            "cumulo:servers.cpu_cout: unknown key; "
            "allowed: cpu_count, cpu_flavor, at_once, floating_ips"
        ),
    ],
}


def as_pulumi_hands_it_over(file: Path) -> dict[str, str]:
    config = yaml.safe_load(file.read_text())["config"]
    return {
        key: json.dumps(value) if isinstance(value, dict | list) else str(value)
        for key, value in config.items()
    }


def parse(file: Path, stack: str) -> Settings:
    return Settings.parse(as_pulumi_hands_it_over(file), "cumulo", stack)


@pytest.mark.parametrize("file", sorted(HERE.glob("settings/*.happy.yaml")), ids=lambda f: f.stem)
def test_good_settings_are_read(file: Path) -> None:
    settings = parse(file, "test")

    assert str(settings.network.cidr) == "192.168.60.0/24"
    assert settings.service.port == 80
    assert settings.gpu_server is None


@pytest.mark.parametrize("file", sorted(HERE.glob("settings/*.error.*.yaml")), ids=lambda f: f.stem)
def test_bad_settings_are_told_by_file_and_key(file: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        parse(file, "test")

    assert str(refused.value).splitlines() == [
        f"Pulumi.test.yaml: {line}" for line in REFUSED[file.stem]
    ]


@pytest.mark.parametrize("stack", ["local", "dev", "staging", "prod"])
def test_every_environment_of_the_project_is_good(stack: str) -> None:
    settings = parse(STACKS / f"Pulumi.{stack}.yaml", stack)

    assert settings.image == "debian-13"


def test_other_namespaces_are_none_of_ours() -> None:
    config = as_pulumi_hands_it_over(HERE / "settings/minimal.happy.yaml")

    assert Settings.parse({**config, "other:severs": "{}"}, "cumulo", "test")


@pytest.mark.parametrize("way", ["set by the host", "in the environment"])
def test_the_whole_configuration_of_the_stack_is_seen(
    way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pulumi

    config: Mapping[str, Any] = {"cumulo:image": "debian-13", "cumulo:severs": "{}"}
    if way == "set by the host":
        token = pulumi.runtime.config.CONFIG.set(dict(config))
    else:
        token = pulumi.runtime.config.CONFIG.set({})
        monkeypatch.setenv("PULUMI_CONFIG", json.dumps(config))
    try:
        assert stack_config() == config
    finally:
        pulumi.runtime.config.CONFIG.reset(token)


def test_settings_cannot_be_changed() -> None:
    settings = parse(STACKS / "Pulumi.local.yaml", "local")

    with pytest.raises(ValueError, match="frozen"):
        settings.image = "other"
