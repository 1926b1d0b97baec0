"""The allow/deny matrix: every answer that the rules promise, to be asked of a real gateway."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from cumulo.platform.access.rules import METHODS, AccessRules

OTHER_METHODS = ("OPTIONS", "TRACE", "PROPFIND", "BREW")
"""Methods that no rule can allow."""


@dataclass(frozen=True)
class Case:
    """One request and its answer.

    Attributes:
        route: The route's name.
        method: The request's method.
        roles: The roles of who asks; None for somebody who is not logged in.
        status: What the gateway answers: 200 where it lets the request through.
    """

    route: str
    method: str
    roles: frozenset[str] | None
    status: int


def matrix(rules: AccessRules) -> Iterator[Case]:
    """Every route, by every method, for nobody, no role, every role and every two roles.

    Two, because what one role allows another may deny.
    """
    people: list[frozenset[str] | None] = [None, frozenset()]
    people += [frozenset(roles) for count in (1, 2) for roles in combinations(rules.roles, count)]
    for route in rules.routes:
        for method in (*METHODS, *OTHER_METHODS):
            for roles in people:
                yield Case(route, method, roles, rules.status(route, method, roles))
