"""Kubeconfigs, as a provider's configuration, the environment and a pod give them."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from cumulo.providers.core.errors import ProviderError
from cumulo.providers.kubernetes.kubeconfig import access, active_cluster
from cumulo.providers.kubernetes.provider import Kubernetes


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("KUBECONFIG", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def config(**user: Any) -> dict[str, Any]:
    return {
        "current-context": "one",
        "contexts": [
            {"name": "one", "context": {"cluster": "a", "user": "u", "namespace": "team"}},
            {"name": "two", "context": {"cluster": "b", "user": "u"}},
        ],
        "clusters": [
            {"name": "a", "cluster": {"server": "https://a:6443/", "tls-server-name": "kube"}},
            {
                "name": "b",
                "cluster": {"server": "https://b:6443", "insecure-skip-tls-verify": True},
            },
        ],
        "users": [{"name": "u", "user": user}],
    }


def test_its_content() -> None:
    found = access({"kubeconfig": json.dumps(config(token="t"))})
    assert (found.server, found.namespace, found.token) == ("https://a:6443", "team", "t")
    assert found.server_name == "kube"
    assert found.verify


def test_an_object() -> None:
    assert access({"kubeconfig": config()}).server == "https://a:6443"


def test_the_configuration_wins_over_the_file() -> None:
    options = {"kubeconfig": json.dumps(config()), "context": "two", "namespace": "mine"}
    found = access(options)
    assert (found.server, found.namespace, found.verify) == ("https://b:6443", "mine", False)
    assert access({**options, "cluster": "a"}).server == "https://a:6443"


def test_a_path_and_what_lies_beside_it(home: Path) -> None:
    (home / "ca.pem").write_text("authority")
    made = config(**{"client-certificate": "cert.pem", "tokenFile": "token"})
    made["clusters"][0]["cluster"]["certificate-authority"] = "ca.pem"
    (home / "cert.pem").write_text("certificate")
    (home / "config.yaml").write_text(json.dumps(made))
    for path in (home / "config.yaml", "~/config.yaml"):
        found = access({"kubeconfig": str(path)})
        assert found.authority == "authority"
        assert found.certificate == "certificate"
        assert found.token_file == str(home / "token")


def test_data_in_it() -> None:
    data = base64.b64encode(b"pem").decode()
    found = access({"kubeconfig": json.dumps(config(**{"client-key-data": data}))})
    assert found.key == "pem"


def test_the_environments_files_are_merged(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = home / "first", home / "second"
    first.write_text(json.dumps({"clusters": config()["clusters"]}))
    other = config(token="t")
    other["clusters"] = [{"name": "a", "cluster": {"server": "https://other"}}]
    second.write_text(json.dumps(other))
    monkeypatch.setenv("KUBECONFIG", f"{first}:{home / 'missing'}:{second}")
    found = access({})
    assert (found.server, found.token) == ("https://a:6443", "t")


def test_the_users_own_file(home: Path) -> None:
    (home / ".kube").mkdir()
    (home / ".kube" / "config").write_text(json.dumps(config()))
    assert access({}).server == "https://a:6443"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "there is no kubeconfig"),
        ({"kubeconfig": "/nowhere/config"}, "neither a kubeconfig nor the path of one"),
        ({"kubeconfig": "a: [\nb"}, "is not YAML"),
        ({"kubeconfig": json.dumps(config()), "context": "x"}, "no context 'x'.*one, two"),
        ({"kubeconfig": json.dumps(config()), "cluster": "x"}, "no cluster 'x'"),
        (
            {"kubeconfig": json.dumps(config(**{"auth-provider": {"name": "gcp"}}))},
            "has an auth-provider",
        ),
        (
            {"kubeconfig": json.dumps(config(**{"client-key": "/nowhere/key"}))},
            "client-key of .*: /nowhere/key: No such file",
        ),
        (
            {"kubeconfig": json.dumps(config(**{"client-key-data": "?"}))},
            "client-key-data of .* is not base64",
        ),
    ],
)
def test_what_is_wrong_is_told(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ProviderError, match=message):
        access(options)


def test_another_cluster_is_another_place() -> None:
    provider = Kubernetes()
    one = {"kubeconfig": json.dumps(config(token="t"))}
    rotated = {"kubeconfig": json.dumps(config(token="new"))}
    two = {"kubeconfig": json.dumps(config(token="t")), "context": "two"}
    assert provider.elsewhere(one, rotated, ["kubeconfig"]) == []
    assert provider.elsewhere(one, two, ["context"]) == ["context"]
    same = {"clusterIdentifier": "x"}
    assert provider.elsewhere({**one, **same}, {**two, **same}, ["context"]) == []
    other = {**one, "clusterIdentifier": "y"}
    assert provider.elsewhere({**one, **same}, other, ["clusterIdentifier"]) == [
        "clusterIdentifier"
    ]
    assert active_cluster(one) == {"server": "https://a:6443/", "tls-server-name": "kube"}


def test_configuration_that_cannot_be_followed_is_refused() -> None:
    def refused(**options: Any) -> list[str]:
        return [failure.path for failure in Kubernetes().check_config(options)]

    assert refused(kubeconfg="x") == ["kubeconfg"]
    assert refused(renderYamlToDirectory="out") == ["renderYamlToDirectory"]
    assert refused(enableServerSideApply="false") == ["enableServerSideApply"]
    assert refused(strictMode="true", kubeconfig="x") == ["context"]
    assert refused(kubeconfig="x", namespace="n", enablePatchForce="true") == []
