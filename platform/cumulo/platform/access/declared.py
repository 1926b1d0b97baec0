"""The platform's own rules: its roles, its routes, and who may do what.

docs/access.md shows them; `poe access` writes its table anew.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from cumulo.infra.arguments import ArgumentError
from cumulo.platform.access.rules import WORLD, AccessRules, Route, allow
from cumulo.platform.service import ServiceHandle

ROLES: Final = {
    "data-science": "who trains and evaluates models",
    "ml-engineers": "who brings models into service, and runs pipelines",
    "platform-admins": "who runs the platform itself",
}

# By the service that each needs.
_ROUTES: Final[Mapping[str, Callable[[ServiceHandle], dict[str, Route]]]] = {
    "keycloak": lambda service: {
        # Where everybody logs in; its administration is not for the gateway's clients.
        "login": Route(
            backend=service,
            path="/realms/",
            login="none",
            rules=[allow(WORLD, methods=("GET", "POST"))],
        ),
        "login-pages": Route(
            backend=service,
            path="/resources/",
            login="none",
            rules=[allow(WORLD, methods=("GET",))],
        ),
    },
    "mlflow": lambda service: {
        "models": Route(
            backend=service,
            subdomain="models",
            # Artifacts are large, and storage may take its time.
            timeout=600,
            rules=[allow("data-science"), allow("ml-engineers"), allow("platform-admins")],
        )
    },
    "prefect": lambda service: {
        "pipelines": Route(
            backend=service,
            subdomain="pipelines",
            websocket=True,
            rules=[allow("data-science"), allow("ml-engineers"), allow("platform-admins")],
        )
    },
    "opik": lambda service: {
        "tracing": Route(
            backend=service,
            subdomain="tracing",
            rules=[allow("data-science"), allow("ml-engineers"), allow("platform-admins")],
        )
    },
    "grafana": lambda service: {
        "monitoring": Route(
            backend=service,
            subdomain="monitoring",
            websocket=True,
            rules=[
                # Panels ask with POST.
                allow("data-science", methods=("GET", "POST")),
                allow("ml-engineers", methods=("GET", "POST")),
                allow("platform-admins"),
            ],
        )
    },
    "prometheus": lambda service: {
        "metrics": Route(
            backend=service,
            subdomain="metrics",
            rules=[
                allow("ml-engineers", methods=("GET", "POST")),
                allow("platform-admins"),
            ],
        )
    },
    "alertmanager": lambda service: {
        "alerts": Route(
            backend=service,
            subdomain="alerts",
            rules=[allow("ml-engineers", methods=("GET",)), allow("platform-admins")],
        )
    },
}

SERVICES: Final = tuple(_ROUTES)
"""The services that there are rules for."""


# Where each team has something of its own, which the service itself keeps apart.
_TEAMS_WORK_IN: Final = ("models",)


def platform_rules(
    services: Mapping[str, ServiceHandle], teams: Mapping[str, str] | None = None
) -> AccessRules:
    """The rules of a platform that has these services.

    Args:
        services: Handles by name, of any of `SERVICES`.
        teams: Further groups, and who is in each: the teams that have models of their own.

    Raises:
        ArgumentError: There are no rules for a service.
    """
    for name in services:
        if name not in _ROUTES:
            known = ", ".join(SERVICES)
            raise ArgumentError("platform_rules", f"services.{name}", f"unknown; known: {known}")
    routes: dict[str, Route] = {}
    for name, make in _ROUTES.items():
        if name in services:
            routes |= make(services[name])
    more = {team: said for team, said in (teams or {}).items() if team not in ROLES}
    for name in set(routes) & set(_TEAMS_WORK_IN):
        rules = [*routes[name].rules, *(allow(team) for team in more)]
        routes[name] = replace(routes[name], rules=rules)
    return AccessRules(roles={**ROLES, **more}, routes=routes)


def all_rules() -> AccessRules:
    """The rules of a platform that has every service, for docs and tests."""
    return platform_rules(
        {
            name: ServiceHandle(
                name=name, namespace=name, service=name, port=80, pod_port=8080, labels={}
            )
            for name in SERVICES
        }
    )
