"""Realms."""

from typing import Any

from cumulo.providers.core.call import Call
from cumulo.providers.core.check import Failure
from cumulo.providers.core.diff import Change
from cumulo.providers.core.errors import ProviderError
from cumulo.providers.core.resource import Observed, Resource
from cumulo.providers.core.values import UNKNOWN, Properties, has_unknown, plain
from cumulo.providers.keycloak import shape
from cumulo.providers.keycloak.identity import MARK, taken
from cumulo.providers.keycloak.realm_settings import (
    BRUTE_FORCE,
    HEADERS,
    HIDDEN,
    LOCALES,
    MAIL,
    NOT_SPECIFIED,
    REALM,
    RESIDENT_KEYS,
)
from cumulo.providers.keycloak.server import JSON, KeycloakError, Server, in_realm

_SCOPES = {
    "defaultDefaultClientScopes": "default-default-client-scopes",
    "defaultOptionalClientScopes": "default-optional-client-scopes",
}


class Realm(Resource[Server]):
    """`keycloak.Realm`: its id is its name."""

    token = "keycloak:index/realm:Realm"
    named = ("realm",)
    fields = shape.fields(REALM)

    def check(self, inputs: Properties) -> list[Failure]:
        given = plain(inputs)
        failures = []
        if given.get("duplicateEmailsAllowed") is True:
            failures += [
                Failure("duplicateEmailsAllowed", f"cannot be true beside '{other}'")
                for other in ("loginWithEmailAllowed", "registrationEmailAsUsername")
                if given.get(other) is True
            ]
        locales = given.get("internationalization")
        if isinstance(locales, dict) and not has_unknown(locales):
            default = locales["defaultLocale"]
            if default not in locales["supportedLocales"]:
                failures.append(
                    Failure(
                        "internationalization.defaultLocale",
                        f"must be one of supportedLocales, unlike {default!r}",
                    )
                )
        return failures

    def identify(self, observed: Observed) -> str:
        return str(observed["realm"])

    def find(self, call: Call[Server], inputs: Properties) -> Observed | None:
        found = call.cloud.find(in_realm(inputs["realm"]))
        ours = found is not None and (found.get("attributes") or {}).get(MARK) == call.mark
        return self._whole(call, found, inputs) if found and ours else None

    def create(self, call: Call[Server], inputs: Properties) -> Observed:
        body = _written(inputs, None)
        body.setdefault("id", inputs["realm"])
        # Empty means Keycloak's default, and is what the official provider has in its state.
        body.setdefault("defaultSignatureAlgorithm", "")
        _write_blocks(body, inputs)
        body["attributes"] = dict(inputs.get("attributes") or {})
        if call.mark:
            body["attributes"][MARK] = call.mark
        try:
            call.cloud.post("/realms", body)
        except KeycloakError as error:
            name = f"realm '{inputs['realm']}'"
            raise taken(error, name, self.token, inputs["realm"]) from error
        call.cloud.renew()
        path = in_realm(inputs["realm"])
        # The scopes that every realm has are not there yet while it is made.
        for key, place in _SCOPES.items():
            if inputs.get(key):
                _set_scopes(call.cloud, path, place, inputs[key])
        return self._whole(call, call.cloud.get(path), inputs)

    def fetch(self, call: Call[Server], identity: str, state: Properties) -> Observed | None:
        found = call.cloud.find(in_realm(identity))
        return None if found is None else self._whole(call, found, state)

    def observe(self, call: Call[Server], observed: Observed, known: Properties) -> Properties:
        result = shape.read(REALM, observed, known)
        result |= _read_blocks(observed, known)
        present = observed.get("attributes") or {}
        result["attributes"] = {
            key: present[key] for key in known.get("attributes") or {} if key in present
        }
        for key in _SCOPES:
            result[key] = observed.get(key, known.get(key) or [])
        return result

    def update(
        self,
        call: Call[Server],
        identity: str,
        old: Properties,
        new: Properties,
        changes: list[Change],
    ) -> Observed:
        path = in_realm(identity)
        body = call.cloud.get(path)
        _written(new, body)
        _write_blocks(body, new)
        wanted = new.get("attributes") or {}
        present = body.get("attributes") or {}
        gone = (old.get("attributes") or {}).keys() - wanted.keys()
        body["attributes"] = {
            key: value for key, value in present.items() if key not in gone
        } | wanted
        call.cloud.put(path, body)
        for key in {change.key for change in changes} & _SCOPES.keys():
            _set_scopes(call.cloud, path, _SCOPES[key], new.get(key) or [])
        return self._whole(call, call.cloud.get(path), new)

    def delete(self, call: Call[Server], identity: str, state: Properties) -> None:
        if state.get("terraformDeletionProtection"):
            raise ProviderError(
                f"realm '{identity}' is protected: set terraformDeletionProtection to false, "
                "and let an `up` see it, before it is deleted"
            )
        call.cloud.delete(in_realm(identity))

    def _whole(self, call: Call[Server], found: JSON, known: Properties) -> JSON:
        """The realm, with the lists that Keycloak has at other places, where anybody asks."""
        path = in_realm(found["realm"])
        for key, place in _SCOPES.items():
            if known.get(key):
                found[key] = [scope["name"] for scope in call.cloud.items(f"{path}/{place}")]
        return found


def _written(inputs: Properties, present: JSON | None) -> JSON:
    missing = [key for key in RESIDENT_KEYS if key not in (present or {})]
    body = shape.write(REALM, inputs, present)
    for key in missing:
        if body.get(key) == NOT_SPECIFIED:
            del body[key]
    return body


def _write_blocks(body: JSON, inputs: Properties) -> None:
    locales = inputs.get("internationalization")
    body["internationalizationEnabled"] = locales is not None
    if locales is not None:
        shape.write(LOCALES, locales, body)
    else:
        body |= {"supportedLocales": [], "defaultLocale": ""}

    defenses = inputs.get("securityDefenses") or {}
    # What the program leaves out goes back to the defaults, which are Keycloak's own.
    shape.write(HEADERS, defenses.get("headers") or {}, body)
    shape.write(BRUTE_FORCE, defenses.get("bruteForceDetection") or {}, body)
    body["bruteForceProtected"] = defenses.get("bruteForceDetection") is not None

    mail = inputs.get("smtpServer")
    body["smtpServer"] = {} if mail is None else _mail(mail)


def _mail(mail: Properties) -> JSON:
    body = shape.write(MAIL, mail)
    token = mail.get("tokenAuth") is not None
    body["auth"] = "true" if token or mail.get("auth") is not None else "false"
    body["authType"] = "token" if token else "basic"
    return {key: value for key, value in body.items() if value != ""}


def _read_blocks(found: JSON, known: Properties) -> Properties:
    result: Properties = {"internationalization": None, "smtpServer": None}
    if found.get("internationalizationEnabled"):
        result["internationalization"] = shape.read(LOCALES, found, {})
    mail = found.get("smtpServer")
    if mail:
        result["smtpServer"] = _read_mail(mail, known.get("smtpServer") or {})

    asked = known.get("securityDefenses") or {}
    defenses: dict[str, Any] = {"bruteForceDetection": None, "headers": None}
    if found.get("bruteForceProtected") and known.get("securityDefenses") is not None:
        defenses["bruteForceDetection"] = shape.read(BRUTE_FORCE, found, {})
    if asked.get("headers") is not None:
        defenses["headers"] = shape.read(HEADERS, found, {})
    present = any(value is not None for value in defenses.values())
    result["securityDefenses"] = defenses if present else None
    return result


def _read_mail(found: JSON, known: Properties) -> Properties:
    result = shape.read(MAIL, found, {})
    used = ""
    if str(found.get("auth")).lower() == "true":
        used = "tokenAuth" if found.get("authType") == "token" else "auth"
    for block, secret in (("auth", "password"), ("tokenAuth", "clientSecret")):
        if block != used:
            result[block] = None
            continue
        told = (known.get(block) or {}).get(secret)
        if result[block][secret] == HIDDEN and told not in (None, UNKNOWN):
            result[block][secret] = told
    return result


def _set_scopes(server: Server, path: str, place: str, names: list[str]) -> None:
    present = {scope["name"]: scope["id"] for scope in server.items(f"{path}/{place}")}
    for name in present.keys() - set(names):
        server.delete(f"{path}/{place}/{present[name]}")
    missing = set(names) - present.keys()
    if not missing:
        return
    known = {scope["name"]: scope["id"] for scope in server.items(f"{path}/client-scopes")}
    for name in sorted(missing):
        if name not in known:
            raise ProviderError(f"the realm has no client scope '{name}'")
        server.put(f"{path}/{place}/{known[name]}")
