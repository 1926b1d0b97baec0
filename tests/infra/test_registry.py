import json
from hashlib import sha256
from types import SimpleNamespace
from typing import Any

import pulumi
import pytest
from cumulo.infra import ArgumentError, KubernetesCluster, Network, Registry, RegistryArgs
from cumulo.infra.kubernetes import mirror, operation
from cumulo.infra.kubernetes.mirror import Mirror

from tests.fake_cloud import FakeCloud

BUCKET = {
    "endpoint": "https://objects.example:8080",
    "bucket": "images",
    "access_key": "a1",
    "secret_key": "s1",
}
ARGS: dict[str, Any] = {
    "image": "registry-image",
    "flavor": "m1.small",
    "storage": {"bucket": BUCKET},
    "projects": {"research": {}, "finance": {"private": True}},
}
UPSTREAMS = ["docker.io", "ghcr.io", "quay.io", "registry.k8s.io"]


def declare(**changes: Any) -> Registry:
    network = Network("lab", {"cidr": "192.168.60.0/24", "external_network": "public"})
    args: RegistryArgs = {"network": network.handle, **(ARGS | changes)}  # type: ignore[typeddict-item]
    return Registry("r", args)


def told(cloud: FakeCloud) -> dict[str, Any]:
    """The files that the server is told, by name; JSON where it is such."""
    files = {}
    for file in config(cloud)["write_files"]:
        content = file["content"]
        name = file["path"].removeprefix("/etc/registry/")
        files[name] = json.loads(content) if content.startswith("{") else content
    return files


def config(cloud: FakeCloud) -> dict[str, Any]:
    data = cloud.inputs("r-instance")["userData"]
    # A secret, on the wire.
    assert isinstance(data, dict)
    assert data["value"].startswith("#cloud-config\n")
    whole: dict[str, Any] = json.loads(data["value"][14:])
    return whole


def exported(cloud: FakeCloud, **changes: Any) -> dict[str, Any]:
    """What another stack would be told."""
    seen: dict[str, Any] = {}

    def program() -> None:
        pulumi.Output.all(**declare(**changes).handle.outputs()).apply(seen.update)

    cloud.run(program)
    return seen


def test_images_are_kept_in_the_bucket(fake_cloud: FakeCloud) -> None:
    fake_cloud.run(declare)
    assert told(fake_cloud)["main.yml"]["storage"]["s3"] == {
        "regionendpoint": "https://objects.example:8080",
        "region": "us-east-1",
        "bucket": "images",
        "accesskey": "a1",
        "secretkey": "s1",
        "rootdirectory": "/main",
        "forcepathstyle": True,
        "secure": True,
    }
    assert "hooks" not in fake_cloud.inputs("r-instance")


def test_an_object_store_s_handle_is_a_bucket_too(fake_cloud: FakeCloud) -> None:
    handle = SimpleNamespace(
        **BUCKET | {"endpoint": pulumi.Output.from_input("http://10.0.0.9:8080")},
        region="one",
        authority=pulumi.Output.from_input(None),
    )
    fake_cloud.run(lambda: declare(storage={"bucket": handle}))
    s3 = told(fake_cloud)["main.yml"]["storage"]["s3"]
    assert (s3["regionendpoint"], s3["region"], s3["secure"]) == (
        "http://10.0.0.9:8080",
        "one",
        False,
    )
    assert "ca_certs" not in config(fake_cloud)


def test_each_project_has_a_password_of_which_the_server_knows_the_hash(
    fake_cloud: FakeCloud,
) -> None:
    seen = exported(fake_cloud)
    assert seen["credentials"] == {
        user: f"PASSWORD r-{user}-password" for user in ("research", "finance", "images")
    }
    users = told(fake_cloud)["main.json"]["users"]
    for user, password in seen["credentials"].items():
        assert users[user]["sha256"] == sha256(password.encode()).hexdigest()
    assert "PASSWORD" not in json.dumps(users)
    public = sorted(["cumulo.local", "research", *UPSTREAMS])
    assert users["research"]["push"] == ["research"]
    assert users["finance"]["pull"] == sorted([*public, "finance"])
    assert users["images"]["push"] == sorted(["cumulo.local", *UPSTREAMS])
    assert users[""] == {"pull": public}


def test_nodes_are_given_a_password_where_not_anyone_may_pull(fake_cloud: FakeCloud) -> None:
    seen = exported(fake_cloud, anonymous_pull=False)
    assert seen["pull_password"] == "PASSWORD r-pull-password"
    assert "pull" not in seen["credentials"]
    users = told(fake_cloud)["main.json"]["users"]
    assert "" not in users
    assert users["pull"]["pull"]
    assert "push" not in users["pull"]


def test_each_upstream_that_is_pulled_through_has_a_process_and_a_port(
    fake_cloud: FakeCloud,
) -> None:
    login = {"pull_through": True, "username": "u", "password": pulumi.Output.secret("p")}
    upstreams = {"docker.io": login, "quay.io": {}, "ghcr.io": {"pull_through": True}}
    seen = exported(
        fake_cloud, upstreams=upstreams, retention={"cache_days": 3}, clients=["10.0.0.0/8"]
    )
    files = told(fake_cloud)
    assert files["docker.io.yml"]["proxy"] == {
        "remoteurl": "https://registry-1.docker.io",
        "username": "u",
        "password": "p",
        "ttl": "72h",
    }
    assert files["ghcr.io.yml"]["proxy"]["remoteurl"] == "https://ghcr.io"
    assert files["ghcr.io.yml"]["http"]["addr"] == ":5002"
    assert files["ghcr.io.yml"]["storage"]["s3"]["rootdirectory"] == "/ghcr.io"
    assert "quay.io.yml" not in files
    units = [f"registry@{name}.service" for name in ("main", "docker.io", "ghcr.io")]
    enable = ["systemctl", "enable", *units, "registry-collect.timer"]
    assert enable in config(fake_cloud)["runcmd"]
    address = seen["address"]
    assert seen["mirrors"] == {
        "registry.cumulo.local": {"endpoints": [f"https://{address}:443/v2"], "fallback": False},
        "cumulo.local": {
            "endpoints": [f"https://{address}:443/v2/cumulo.local"],
            "fallback": False,
        },
        "docker.io": {
            "endpoints": [f"https://{address}:443/v2/docker.io", f"https://{address}:5001/v2"],
            "fallback": True,
        },
        "quay.io": {"endpoints": [f"https://{address}:443/v2/quay.io"], "fallback": False},
        "ghcr.io": {
            "endpoints": [f"https://{address}:443/v2/ghcr.io", f"https://{address}:5002/v2"],
            "fallback": True,
        },
    }
    doors = {
        (rule["portRangeMin"], rule["portRangeMax"], rule["remoteIpPrefix"])
        for rule in fake_cloud.of_type("SecGroupRule").values()
    }
    assert doors == {
        (first, last, remote)
        for first, last in ((443, 443), (5001, 5002))
        for remote in ("192.168.60.0/24", "10.0.0.0/8")
    }


def test_its_certificate_is_for_its_name_and_its_addresses(fake_cloud: FakeCloud) -> None:
    seen = exported(fake_cloud, floating_ip=True)
    request = fake_cloud.inputs("r-server-request")
    assert request["dnsNames"] == ["registry.cumulo.local"]
    assert request["ipAddresses"] == [seen["address"], seen["floating_address"]]
    assert seen["floating_address"].startswith("203.0.113.")
    assert seen["ca_certificate"] == "CERTIFICATE r-ca-certificate\n"
    files = told(fake_cloud)
    assert files["tls.crt"] == "CERTIFICATE r-server-certificate\n"
    assert files["tls.key"] == "KEY r-server-key\n"


def test_garbage_is_collected_as_it_is_said(fake_cloud: FakeCloud) -> None:
    fake_cloud.run(lambda: declare(retention={"tags": 5}, garbage_collection={"daily_at": "01:30"}))
    files = told(fake_cloud)
    assert files["collect.env"] == (
        "COLLECT=--keep-tags=5 --project=finance --project=research --untagged\n"
    )
    when = files["/etc/systemd/system/registry-collect.timer.d/when.conf"]
    assert "OnCalendar=\nOnCalendar=*-*-* 01:30:00 UTC\n" in when
    plain = FakeCloud()
    plain.run(declare)
    assert told(plain)["collect.env"] == "COLLECT=\n"


def test_further_authorities_are_trusted_where_they_are_named(fake_cloud: FakeCloud) -> None:
    bucket = {**BUCKET, "authority": pulumi.Output.from_input("STORE'S")}
    fake_cloud.run(lambda: declare(trusted_certificates=["PEM"], storage={"bucket": bucket}))
    assert config(fake_cloud)["ca_certs"] == {"trusted": ["PEM", "STORE'S"]}
    plain = FakeCloud()
    plain.run(declare)
    assert "ca_certs" not in config(plain)


def test_images_on_its_own_disk_are_not_lost_by_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(**filesystem: bool) -> None:
        cloud = FakeCloud()
        cloud.run(lambda: declare(storage={"filesystem": filesystem}))
        assert told(cloud)["main.yml"]["storage"]["filesystem"] == {
            "rootdirectory": "/var/lib/registry/main"
        }
        hook = cloud.hooks.known["cumulo:r:keep-images"]
        assert hook.opts is not None
        assert hook.opts.on_dry_run
        hook(pulumi.ResourceHookArgs("urn", "id", "r-instance", "type"))

    for command in ("up", "preview"):
        monkeypatch.setattr(operation, "_pulumi", lambda: (command,))  # noqa: B023
        ask(replaceable=True)
        with pytest.raises(pulumi.RunError, match=r"or keep images in a bucket: storage\.bucket"):
            ask()
    monkeypatch.setattr(operation, "_pulumi", lambda: ("destroy",))
    ask()


@pytest.mark.parametrize(
    ("changes", "field", "problem"),
    [
        ({"storage": {}}, "storage", "either bucket or filesystem"),
        ({"storage": {"bucket": BUCKET, "filesystem": {}}}, "storage", "either bucket or"),
        ({"storage": {"bucket": {"bucket": "x"}}}, "storage.bucket.access_key", "required"),
        ({"storage": {"filesystem": {"path": "/"}}}, "storage.filesystem.path", "unknown field"),
        ({"clients": ["0.0.0.0/0"]}, "clients[0]", "say 'world'"),
        ({"projects": {"Research": {}}}, "projects.Research", "small letters"),
        ({"projects": {"images": {}}}, "projects.images", "the registry itself is called so"),
        ({"projects": {"docker.io": {}}}, "projects.docker.io", "the registry itself"),
        ({"projects": {"a": {"public": True}}}, "projects.a.public", "unknown field"),
        ({"upstreams": {"docker": {}}}, "upstreams.docker", "not a registry's name"),
        ({"upstreams": {"cumulo.local": {}}}, "upstreams.cumulo.local", "not a registry's name"),
        (
            {"upstreams": {"quay.io": {"username": "u", "password": "p"}}},
            "upstreams.quay.io.username",
            "for pull_through: True alone",
        ),
        (
            {"upstreams": {"quay.io": {"pull_through": True, "username": "u"}}},
            "upstreams.quay.io.password",
            "goes with username",
        ),
        ({"hostname": "quay.io"}, "hostname", "not a name of its own"),
        ({"hostname": "registry:5000"}, "hostname", "not a name of its own"),
        ({"garbage_collection": {"daily_at": "3:00"}}, "garbage_collection.daily_at", "not a time"),
        ({"retention": {"tags": -1}}, "retention.tags", "from 0 up"),
        ({"retention": {"cache_days": 0}}, "retention.cache_days", "from 1 up"),
        ({"retention": {"tags": 3, "untagged": True}}, "retention.untagged", "becomes free"),
    ],
)
def test_bad_arguments_are_named(
    fake_cloud: FakeCloud, changes: dict[str, Any], field: str, problem: str
) -> None:
    changes = {"upstreams": {"docker.io": {}, "quay.io": {}}} | changes
    with pytest.raises(ArgumentError, match=problem) as refused:
        fake_cloud.run(lambda: declare(**changes))
    assert refused.value.field == field
    assert not fake_cloud.of_type("Instance")


def cluster_files(cloud: FakeCloud, server: str) -> dict[str, str]:
    data = cloud.inputs(f"{server}-instance")["userData"]["value"]
    return {file["path"]: file["content"] for file in json.loads(data[14:])["write_files"]}


def with_cluster(mirrored: bool, **changes: Any) -> FakeCloud:
    cloud = FakeCloud()

    def program() -> None:
        network = Network("lab", {"cidr": "192.168.60.0/24", "external_network": "public"})
        args: Any = {"network": network.handle, **(ARGS | changes)}
        registry = Registry("r", args).handle
        KubernetesCluster(
            "k",
            {
                "network": network.handle,
                "image": "kubernetes-node",
                "control_plane": {"count": 1, "flavor": "k8s.control"},
                "pools": {"cpu": {"count": 1, "flavor": "k8s.node"}},
                "api_clients": [],
                **({"registry_mirror": registry} if mirrored else {}),  # type: ignore[typeddict-item]
            },
        )

    cloud.run(program)
    return cloud


def test_every_node_of_a_cluster_has_it_as_its_mirror() -> None:
    cloud = with_cluster(True, upstreams={"docker.io": {}})
    address = cloud.inputs("r-server-request")["ipAddresses"][0]
    for server in ("k-control-0", "k-cpu-0"):
        files = cluster_files(cloud, server)
        assert files["/etc/containerd/registry-ca.pem"] == "CERTIFICATE r-ca-certificate\n"
        hosts = files["/etc/containerd/certs.d/docker.io/hosts.toml"]
        assert hosts.startswith(f'server = "https://{address}:443/v2/docker.io"\n')
        assert "/etc/containerd/certs.d/registry.cumulo.local/hosts.toml" in files
        assert "Authorization" not in hosts


def test_without_a_mirror_a_node_is_told_nothing_of_one() -> None:
    for server in ("k-control-0", "k-cpu-0"):
        plain, mirrored = (cluster_files(with_cluster(one), server) for one in (False, True))
        extra = {path for path in mirrored if path.startswith("/etc/containerd/")}
        assert extra
        assert set(plain) == set(mirrored) - extra


def test_hosts_are_asked_in_order_and_the_upstream_last_if_it_can_be_reached() -> None:
    import tomllib

    through = {"endpoints": ["https://a:443/v2/quay.io", "https://a:5001/v2"], "fallback": True}
    told_of = Mirror(ca="PEM", mirrors={"quay.io": through}, password="p")  # type: ignore[dict-item]
    text = mirror.files(told_of)["/etc/containerd/certs.d/quay.io/hosts.toml"]
    read = tomllib.loads(text)
    assert list(read) == ["host"]
    assert list(read["host"]) == through["endpoints"]
    assert read["host"]["https://a:5001/v2"] == {
        "capabilities": ["pull", "resolve"],
        "ca": "/etc/containerd/registry-ca.pem",
        "override_path": True,
        "header": {"Authorization": "Basic cHVsbDpw"},
    }
    alone = {"endpoints": ["https://a:443/v2/quay.io"], "fallback": False}
    read = tomllib.loads(mirror.hosts(alone, ""))  # type: ignore[arg-type]
    assert read["server"] == "https://a:443/v2/quay.io"
    assert read["override_path"] is True
    assert list(read["host"]) == alone["endpoints"]
