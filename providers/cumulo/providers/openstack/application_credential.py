"""Application credentials."""

from datetime import UTC, datetime
from typing import Any

from cumulo.providers.core.call import Call
from cumulo.providers.core.check import autoname
from cumulo.providers.core.errors import ProviderError
from cumulo.providers.core.resource import Observed, Resource
from cumulo.providers.core.schema import BOOLEAN, STRING, Field, Object, SetOf
from cumulo.providers.core.values import Properties
from cumulo.providers.openstack import fields as shared
from cumulo.providers.openstack.cloud import Cloud, CloudError

_METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")


def _instant(value: str) -> datetime:
    moment = datetime.fromisoformat(value)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def _time(value: str) -> str | None:
    try:
        if datetime.fromisoformat(value).tzinfo:
            return None
    except ValueError:
        pass
    return f"must be a time with its zone, such as 2030-12-31T23:59:59Z, not {value!r}"


def _same_time(before: str, after: str | None) -> bool:
    # Keystone's answers, and with them the state, have whole seconds.
    return after is not None and _instant(before) == _instant(after).replace(microsecond=0)


def _path(value: str) -> str | None:
    return None if value.startswith("/") else f"must begin with a slash, as in /v2.1/{value}"


def _given(value: str) -> str | None:
    return None if value else "must not be empty"


class ApplicationCredential(Resource[Cloud]):
    """`openstack.identity.ApplicationCredential`, of the user whose credentials the provider has.

    An interrupted create leaves a secret that nobody can learn any more. So what is found of it is
    removed and made anew, unless the secret is the program's own, and opens it.
    """

    token = "openstack:identity/applicationCredential:ApplicationCredential"
    fields = {
        "region": shared.REGION,
        "name": Field(replace=True, check=_given),
        "description": Field(replace=True),
        "unrestricted": Field(BOOLEAN, replace=True),
        # Keystone tells it once, to who had the credential made.
        "secret": Field(computed=True, replace=True, secret=True, check=_given),
        "projectId": Field(output=True),
        "roles": Field(SetOf(STRING), computed=True, replace=True),
        "accessRules": Field(
            SetOf(
                Object(
                    {
                        "id": Field(computed=True),
                        "path": Field(required=True, replace=True, check=_path),
                        "method": Field(required=True, replace=True, choices=_METHODS),
                        "service": Field(required=True, replace=True, check=_given),
                    }
                )
            ),
            replace=True,
        ),
        "expiresAt": Field(replace=True, check=_time, same=_same_time),
    }

    def find(self, call: Call[Cloud], inputs: Properties) -> Observed | None:
        named = call.cloud.identity(inputs.get("region")).get(
            _credentials(call), params={"name": inputs["name"]}
        )["application_credentials"]
        for found in named:
            # A name that the program chose may be anybody's of the same user.
            ours = inputs["name"] == autoname(call.name, call.mark.encode())
            if not call.taken(found["id"]) and (ours or _opens(call, found, inputs)):
                return dict(found)
        return None

    def adopt(self, call: Call[Cloud], inputs: Properties, found: Observed) -> Observed | None:
        return found if _opens(call, found, inputs) else None

    def create(self, call: Call[Cloud], inputs: Properties) -> Observed:
        body = shared.attributes(self.fields, inputs)
        if "roles" in body:
            body["roles"] = [{"name": role} for role in body["roles"]]
        if body.get("expires_at"):
            body["expires_at"] = _instant(body["expires_at"]).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        try:
            made: Observed = call.cloud.identity(inputs.get("region")).post(
                _credentials(call), {"application_credential": body}
            )["application_credential"]
        except CloudError as error:
            if error.status == 409:
                name = inputs["name"]
                raise ProviderError(
                    f"name: the user has an application credential {name!r} already; if nothing "
                    f"uses it, `openstack application credential delete {name}` removes it"
                ) from error
            raise
        return made

    def fetch(self, call: Call[Cloud], identity: str, state: Properties) -> Observed | None:
        answer = call.cloud.identity(state.get("region")).find(f"{_credentials(call)}/{identity}")
        return None if answer is None else answer["application_credential"]

    def observe(self, call: Call[Cloud], observed: Observed, known: Properties) -> Properties:
        expires = observed.get("expires_at")
        roles = sorted(role["name"] for role in observed["roles"])
        named = known.get("roles") or []
        result = shared.observe(
            self.fields,
            {
                **observed,
                # Keystone adds the roles that these imply. Nobody adds others later.
                "roles": named if named and set(named) <= set(roles) else roles,
                "expires_at": _instant(expires).strftime("%Y-%m-%dT%H:%M:%SZ") if expires else "",
            },
            known,
        )
        result["region"] = known.get("region") or call.cloud.region
        result["secret"] = observed.get("secret") or known.get("secret") or ""
        return result

    def delete(self, call: Call[Cloud], identity: str, state: Properties) -> None:
        keystone = call.cloud.identity(state.get("region"))
        keystone.delete(f"{_credentials(call)}/{identity}")
        for rule in state.get("accessRules") or []:
            if rule.get("id"):
                _delete_rule(call, rule["id"], state)


def _delete_rule(call: Call[Cloud], identity: str, state: Properties) -> None:
    """A rule outlives the credential that it was made with, and others may have it too."""
    keystone = call.cloud.identity(state.get("region"))
    try:
        keystone.delete(f"/v3/users/{call.cloud.access.user_id}/access_rules/{identity}")
    except CloudError as error:
        if error.status != 403:
            raise


def _credentials(call: Call[Cloud]) -> str:
    return f"/v3/users/{call.cloud.access.user_id}/application_credentials"


def _opens(call: Call[Cloud], found: Observed, inputs: Properties) -> bool:
    """Whether the secret in the program is this credential's."""
    if not inputs.get("secret"):
        return False
    login: dict[str, Any] = {
        "methods": ["application_credential"],
        "application_credential": {"id": found["id"], "secret": inputs["secret"]},
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
