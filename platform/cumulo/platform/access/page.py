"""The table of docs/access.md, from the rules themselves."""

from cumulo.platform.access.rules import METHODS, AccessRules, Route

BEGIN = "<!-- made by `poe access` from the rules; edits are lost -->"
END = "<!-- end of what is made -->"


def table(rules: AccessRules) -> str:
    """Who may do what, in Markdown: a row per route, a column per role."""
    nobody = "without a login"
    columns: dict[str, frozenset[str] | None] = {
        nobody: None,
        "no role": frozenset(),
        **{role: frozenset({role}) for role in rules.roles},
    }
    lines = [
        f"| route | where | login | {' | '.join(columns)} |",
        "|---" * (3 + len(columns)) + "|",
    ]
    for name, route in sorted(rules.routes.items(), key=lambda item: place(item[1])):
        cells = (_allowed(rules, name, roles) for roles in columns.values())
        lines.append(f"| {name} | `{place(route)}` | {route.login} | {' | '.join(cells)} |")
    lines += ["", *_denials(rules), "| role | who has it |", "|---|---|"]
    lines += [f"| {role} | {purpose} |" for role, purpose in rules.roles.items()]
    return "\n".join(lines) + "\n"


def place(route: Route) -> str:
    """Where a route is, for people."""
    return f"{route.subdomain}.…{route.path}" if route.subdomain else f"…{route.path}"


def replaced(page: str, rules: AccessRules) -> str:
    """The page with the table of these rules in the place of the one that is there."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the page lacks the lines {BEGIN!r} and {END!r}")
    return f"{before}{BEGIN}\n\n{table(rules)}\n{END}{after}"


def _allowed(rules: AccessRules, route: str, roles: frozenset[str] | None) -> str:
    allowed = [method for method in METHODS if rules.status(route, method, roles) == 200]
    if len(allowed) == len(METHODS):
        return "all"
    return ", ".join(method for method in allowed if method != "HEAD") or "none"


def _denials(rules: AccessRules) -> list[str]:
    lines = [
        f"- {name}: {rule.role} is denied {', '.join(m for m in rule.methods if m != 'HEAD')}, "
        "whatever other roles allow."
        for name, route in rules.routes.items()
        for rule in route.rules
        if rule.effect == "deny"
    ]
    return [*lines, ""] if lines else []
