import re
from pathlib import Path
from typing import Any

import pulumi
import pytest
from cumulo.infra import ArgumentError
from cumulo.platform.access.declared import ROLES, SERVICES, all_rules, platform_rules
from cumulo.platform.access.page import replaced, table

from tests.fake_cloud import FakeCloud
from tests.platform.gateway.rules import BACKEND, RULES

PAGE = Path(__file__).parents[3] / "docs/access.md"


def test_the_page_is_not_stale() -> None:
    page = PAGE.read_text()
    assert page == replaced(page, all_rules()), "run `.venv/bin/poe access`"


def test_a_row_says_what_the_rules_say() -> None:
    rows = {line.split(" | ")[0]: line for line in table(RULES).splitlines()}
    assert rows["| route"] == (
        "| route | where | login | without a login | no role | data-science | ml-engineers "
        "| platform-admins | auditors |"
    )
    assert rows["| models"] == (
        "| models | `…/models/` | both | none | none | GET | all | none | GET |"
    )
    assert rows["| realms"].startswith("| realms | `…/realms/` | none | GET, POST | GET, POST |")
    assert "- models: auditors is denied POST, PUT, PATCH, DELETE" in table(RULES)


def test_a_page_without_a_place_for_the_table_is_refused() -> None:
    with pytest.raises(ValueError, match="lacks the lines"):
        replaced("# nothing\n", RULES)


def test_a_platform_has_the_routes_of_its_services() -> None:
    assert set(platform_rules({"mlflow": BACKEND}).routes) == {"models"}
    assert len(all_rules().routes) > len(SERVICES)
    assert set(all_rules().roles) == set(ROLES)
    with pytest.raises(ArgumentError, match=r"services\.mlfow"):
        platform_rules({"mlfow": BACKEND})


def test_its_programs_work(fake_cloud: FakeCloud) -> None:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    known: dict[str, Any] = {
        "pulumi": pulumi,
        "cluster": None,
        "keycloak": BACKEND,
        **dict.fromkeys(("client_secret", "certificate", "private_key"), "SECRET"),
    }

    fake_cloud.run(lambda: exec("".join(blocks), known))  # noqa: S102

    assert "cumulo:index:Gateway" in fake_cloud.components


def test_a_team_reaches_what_keeps_teams_apart_and_nothing_else() -> None:
    services = {"mlflow": BACKEND, "prefect": BACKEND}
    rules = platform_rules(services, {"vision": "who makes models that see"})
    team = frozenset({"vision"})
    assert rules.status("models", "POST", team) == 200
    assert rules.status("pipelines", "GET", team) == 403
    assert rules.status("models", "POST", frozenset({"data-science"})) == 200
