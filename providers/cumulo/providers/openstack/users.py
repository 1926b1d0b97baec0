"""Users."""

from typing import Any, Final

from cumulo.providers.core.call import Call
from cumulo.providers.core.check import autoname
from cumulo.providers.core.diff import Change
from cumulo.providers.core.errors import ProviderError
from cumulo.providers.core.resource import Observed, Resource
from cumulo.providers.core.schema import BOOLEAN, STRING, Field, ListOf, MapOf, Object, snake
from cumulo.providers.core.values import Properties
from cumulo.providers.openstack import fields as shared
from cumulo.providers.openstack.cloud import JSON, Cloud, CloudError

_RULES: Final = "multiFactorAuthRules"
# Keystone keeps these together, as a user's options.
_OPTIONS: Final = {
    "ignoreChangePasswordUponFirstUse": "ignore_change_password_upon_first_use",
    "ignorePasswordExpiry": "ignore_password_expiry",
    "ignoreLockoutFailureAttempts": "ignore_lockout_failure_attempts",
    "multiFactorAuthEnabled": "multi_factor_auth_enabled",
    _RULES: "multi_factor_auth_rules",
}
# Whatever else a user has is `extra`.
_KNOWN: Final = frozenset(
    {
        *("default_project_id", "description", "domain_id", "enabled", "federated", "id", "links"),
        *("name", "options", "password_expires_at"),
    }
)


class User(Resource[Cloud]):
    """`openstack.identity.User`.

    A user that a create which was interrupted has left is known by its automatic name, or by the
    program's own password, which opens it.
    """

    token = "openstack:identity/user:User"
    fields = {
        "region": shared.REGION,
        "defaultProjectId": Field(computed=True),
        "description": Field(),
        "domainId": Field(computed=True, replace=True),
        "enabled": Field(BOOLEAN, default=True),
        "extra": Field(MapOf(STRING)),
        "name": Field(),
        "password": Field(secret=True, local=True),
        "ignoreChangePasswordUponFirstUse": Field(BOOLEAN),
        "ignorePasswordExpiry": Field(BOOLEAN),
        "ignoreLockoutFailureAttempts": Field(BOOLEAN),
        "multiFactorAuthEnabled": Field(BOOLEAN),
        _RULES: Field(ListOf(Object({"rules": Field(ListOf(STRING), required=True)}))),
    }

    def find(self, call: Call[Cloud], inputs: Properties) -> Observed | None:
        query = {"name": inputs["name"]}
        if inputs.get("domainId"):
            query["domain_id"] = inputs["domainId"]
        users = call.cloud.identity(inputs.get("region")).get("/v3/users", params=query)["users"]
        ours = inputs["name"] == autoname(call.name, call.mark.encode())
        for found in users:
            if not call.taken(found["id"]) and (ours or _opens(call, found, inputs)):
                return dict(found)
        return None

    def adopt(self, call: Call[Cloud], inputs: Properties, found: Observed) -> Observed | None:
        if inputs.get("password") and not _opens(call, found, inputs):
            self._change(call, found["id"], inputs, {"password": inputs["password"]})
        return found

    def create(self, call: Call[Cloud], inputs: Properties) -> Observed:
        body = self._body(inputs, set(inputs))
        keystone = call.cloud.identity(inputs.get("region"))
        try:
            made: Observed = keystone.post("/v3/users", {"user": body})["user"]
        except CloudError as error:
            if error.status == 409:
                name = inputs["name"]
                raise ProviderError(
                    f"name: the domain has a user {name!r} already; choose another name, or take "
                    f"it over: `pulumi import {self.token} {call.name} ID`"
                ) from error
            raise
        return made

    def fetch(self, call: Call[Cloud], identity: str, state: Properties) -> Observed | None:
        answer = call.cloud.identity(state.get("region")).find(_path(identity))
        return None if answer is None else answer["user"]

    def observe(self, call: Call[Cloud], observed: Observed, known: Properties) -> Properties:
        options = observed.get("options") or {}
        rules = options.get(_OPTIONS[_RULES]) or []
        result = shared.observe(
            self.fields,
            {
                **observed,
                **{snake(key): options.get(option) for key, option in _OPTIONS.items()},
                snake(_RULES): [{"rules": rule} for rule in rules],
                "extra": {
                    key: str(value)
                    for key, value in observed.items()
                    if key not in _KNOWN and value is not None
                },
            },
            known,
        )
        result["region"] = known.get("region") or call.cloud.region
        return result

    def update(
        self,
        call: Call[Cloud],
        identity: str,
        old: Properties,
        new: Properties,
        changes: list[Change],
    ) -> Observed:
        keys = {change.key for change in changes}
        body = self._body(new, keys)
        if "extra" in keys:
            gone = (old.get("extra") or {}).keys() - (new.get("extra") or {}).keys()
            body |= dict.fromkeys(gone)
        if "password" in keys and not new.get("password"):
            # Without one, nobody can log in by it.
            body["password"] = None
        return self._change(call, identity, old, body)

    def delete(self, call: Call[Cloud], identity: str, state: Properties) -> None:
        call.cloud.identity(state.get("region")).delete(_path(identity))

    def _change(self, call: Call[Cloud], identity: str, known: Properties, body: JSON) -> Observed:
        keystone = call.cloud.identity(known.get("region"))
        keystone.request("PATCH", _path(identity), json={"user": body})
        # The answer to that has what is `extra` twice.
        user: Observed = keystone.get(_path(identity))["user"]
        return user

    def _body(self, inputs: Properties, keys: set[str]) -> JSON:
        """What Keystone is told of some properties."""
        body: JSON = {}
        options: JSON = {}
        for key in keys & self.fields.keys() - {"region"}:
            value = inputs.get(key)
            if key == _RULES:
                options[_OPTIONS[key]] = [item["rules"] for item in value or []]
            elif key in _OPTIONS:
                options[_OPTIONS[key]] = bool(value)
            elif key == "extra":
                body |= value or {}
            elif key == "enabled":
                body[key] = value is not False
            elif key == "description":
                body[key] = value or ""
            elif value:
                body[snake(key)] = value
        return body | ({"options": options} if options else {})


def _path(identity: str) -> str:
    return f"/v3/users/{identity}"


def _opens(call: Call[Cloud], found: Observed, inputs: Properties) -> bool:
    """Whether the password in the program is this user's."""
    if not inputs.get("password"):
        return False
    login: dict[str, Any] = {
        "methods": ["password"],
        "password": {"user": {"id": found["id"], "password": inputs["password"]}},
    }
    try:
        call.cloud.identity(inputs.get("region")).post(
            "/v3/auth/tokens", {"auth": {"identity": login}}, authenticated=False
        )
    except CloudError as error:
        if error.status == 401:
            return False
        raise
    return True
