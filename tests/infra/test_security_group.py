from typing import Any

import pytest
from cumulo.infra import MEMBERS, WORLD, ArgumentError, Rule, SecurityGroup

from tests.fake_cloud import FakeCloud

HTTP: Rule = {"protocol": "tcp", "port": 80, "remote": WORLD}


def test_each_rule_is_a_resource_of_its_own(fake_cloud: FakeCloud) -> None:
    rules: dict[str, Rule] = {
        "http": HTTP,
        "ping": {"protocol": "icmp", "remote": "10.0.0.0/8"},
        "range": {"protocol": "udp", "port": (8000, 8100), "remote": "fd00::/8"},
    }

    fake_cloud.run(lambda: SecurityGroup("web", {"rules": rules}))

    common = {"securityGroupId": "web-security-group-id", "direction": "ingress"}
    assert fake_cloud.of_type("SecGroupRule") == {
        "web-http": {
            **common,
            "ethertype": "IPv4",
            "protocol": "tcp",
            "portRangeMin": 80,
            "portRangeMax": 80,
            "remoteIpPrefix": "0.0.0.0/0",
        },
        "web-ping": {
            **common,
            "ethertype": "IPv4",
            "protocol": "icmp",
            "remoteIpPrefix": "10.0.0.0/8",
        },
        "web-range": {
            **common,
            "ethertype": "IPv6",
            "protocol": "udp",
            "portRangeMin": 8000,
            "portRangeMax": 8100,
            "remoteIpPrefix": "fd00::/8",
        },
    }


def test_no_rules_let_nothing_in(fake_cloud: FakeCloud) -> None:
    fake_cloud.run(lambda: SecurityGroup("shut", {"rules": {}}))

    assert fake_cloud.of_type("SecGroupRule") == {}
    assert "deleteDefaultRules" not in fake_cloud.inputs("shut-security-group")


def test_rules_name_other_groups_and_their_own(fake_cloud: FakeCloud) -> None:
    def program() -> None:
        web = SecurityGroup("web", {"rules": {"peers": {"protocol": "any", "remote": MEMBERS}}})
        SecurityGroup(
            "sql", {"rules": {"sql": {"protocol": "tcp", "port": 5432, "remote": web.handle}}}
        )

    fake_cloud.run(program)

    assert fake_cloud.inputs("web-peers")["remoteGroupId"] == "web-security-group-id"
    assert "protocol" not in fake_cloud.inputs("web-peers")
    assert fake_cloud.inputs("sql-sql")["remoteGroupId"] == "web-security-group-id"
    assert "remoteIpPrefix" not in fake_cloud.inputs("sql-sql")


def test_saying_what_goes_out_takes_away_that_all_does(fake_cloud: FakeCloud) -> None:
    rules: dict[str, Rule] = {
        "dns": {"direction": "egress", "protocol": "udp", "port": 53, "remote": "10.0.0.2/32"}
    }

    fake_cloud.run(lambda: SecurityGroup("shut", {"rules": rules}))

    assert fake_cloud.inputs("shut-security-group")["deleteDefaultRules"] is True
    assert fake_cloud.inputs("shut-dns")["direction"] == "egress"


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"remote": "0.0.0.0/0"}, "remote", "is everyone; say 'world'"),
        ({"remote": "::/0"}, "remote", "is everyone"),
        ({"remote": "office"}, "remote", "nor 'members' nor 'world'"),
        ({"remote": "10.0.0.1/8"}, "remote", "not a range"),
        ({"remote": None}, "remote", "required"),
        ({"protocol": "http"}, "protocol", "not one of tcp, udp, icmp, any"),
        ({"protocol": "icmp"}, "port", "icmp has no ports"),
        ({"port": 0}, "port", "not a port"),
        ({"port": True}, "port", "not a port"),
        ({"port": (90, 80)}, "port", "90 comes after 80"),
        ({"direction": "in"}, "direction", "not one of ingress, egress"),
        ({"from": "10.0.0.0/8"}, "from", "unknown field"),
    ],
)
def test_refuses_at_construction_and_names_the_rule(
    fake_cloud: FakeCloud, change: dict[str, Any], field: str, words: str
) -> None:
    rule: Any = {**HTTP, **change}

    with pytest.raises(ArgumentError) as refused:
        fake_cloud.run(lambda: SecurityGroup("web", {"rules": {"http": rule}}))

    assert refused.value.field == f"rules.http.{field}"
    assert words in refused.value.problem
    assert fake_cloud.resources == {}
