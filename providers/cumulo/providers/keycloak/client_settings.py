"""The properties of an OpenID Connect client, and where Keycloak has them."""

from typing import Final

from cumulo.providers.core.schema import BOOLEAN, STRING, Field, MapOf, Object, One, SetOf
from cumulo.providers.keycloak import shape
from cumulo.providers.keycloak.shape import JOINED, QUOTED, Setting, setting


def _flag(name: str) -> Setting:
    return setting(Field(BOOLEAN, computed=True), name)


def _kept(*path: str) -> Setting:
    return setting(Field(computed=True), *path)


def _attribute(name: str, *, computed: bool = False) -> Setting:
    return setting(Field(computed=computed), "attributes", name)


def _quoted(name: str, *, default: bool | None = None, computed: bool = False) -> Setting:
    field = Field(BOOLEAN, computed=computed, default=default)
    return setting(field, "attributes", name, form=QUOTED)


_SECRET: Final = ("clientSecretWo", "clientSecretWoVersion", "clientSecretRegenerateWhenChanged")
_OTHER: Final = ("clientSecret", "clientSecretRegenerateWhenChanged")
_TEXTS: Final = Field(SetOf(STRING), computed=True)

FLOWS: Final = {
    "browserId": setting(Field(), "authenticationFlowBindingOverrides", "browser"),
    "directGrantId": setting(Field(), "authenticationFlowBindingOverrides", "direct_grant"),
}

CLIENT: Final = {
    "accessTokenLifespan": _attribute("access.token.lifespan", computed=True),
    "accessType": Setting(Field(required=True, choices=("CONFIDENTIAL", "PUBLIC", "BEARER-ONLY"))),
    "adminUrl": _kept("adminUrl"),
    "allowRefreshTokenInStandardTokenExchange": _attribute(
        "standard.token.exchange.enableRefreshRequestedTokenType"
    ),
    "alwaysDisplayInConsole": setting(Field(BOOLEAN, default=False), "alwaysDisplayInConsole"),
    "authenticationFlowBindingOverrides": Setting(Field(One(Object(shape.fields(FLOWS))))),
    "authorization": Setting(
        Field(
            One(
                Object(
                    {
                        "allowRemoteResourceManagement": Field(BOOLEAN, default=False),
                        "decisionStrategy": Field(default="UNANIMOUS"),
                        "keepDefaults": Field(BOOLEAN, default=False),
                        "policyEnforcementMode": Field(required=True),
                    }
                )
            )
        )
    ),
    "backchannelLogoutRevokeOfflineSessions": _quoted("backchannel.logout.revoke.offline.tokens"),
    "backchannelLogoutSessionRequired": _quoted(
        "backchannel.logout.session.required", default=True
    ),
    "backchannelLogoutUrl": _kept("attributes", "backchannel.logout.url"),
    "baseUrl": _kept("baseUrl"),
    # A client's authenticator may be an extension's, so that any word is good.
    "clientAuthenticatorType": setting(Field(default="client-secret"), "clientAuthenticatorType"),
    "clientId": setting(Field(required=True), "clientId"),
    "clientOfflineSessionIdleTimeout": _attribute(
        "client.offline.session.idle.timeout", computed=True
    ),
    "clientOfflineSessionMaxLifespan": _attribute(
        "client.offline.session.max.lifespan", computed=True
    ),
    "clientSecret": Setting(Field(computed=True, secret=True, excludes=_SECRET)),
    "clientSecretRegenerateWhenChanged": Setting(
        Field(MapOf(STRING), local=True, excludes=("clientSecret", *_SECRET[:2]))
    ),
    "clientSecretWo": Setting(Field(secret=True, write_only=True, excludes=_OTHER)),
    "clientSecretWoVersion": Setting(Field(local=True, excludes=_OTHER)),
    "clientSessionIdleTimeout": _attribute("client.session.idle.timeout", computed=True),
    "clientSessionMaxLifespan": _attribute("client.session.max.lifespan", computed=True),
    "consentRequired": _flag("consentRequired"),
    "consentScreenText": _kept("attributes", "consent.screen.text"),
    "description": _kept("description"),
    "directAccessGrantsEnabled": _flag("directAccessGrantsEnabled"),
    "displayOnConsentScreen": _quoted("display.on.consent.screen", computed=True),
    "enabled": setting(Field(BOOLEAN, default=True), "enabled"),
    "excludeIssuerFromAuthResponse": _quoted("exclude.issuer.from.auth.response", computed=True),
    "excludeSessionStateFromAuthResponse": _quoted(
        "exclude.session.state.from.auth.response", computed=True
    ),
    "extraConfig": Setting(Field(MapOf(STRING))),
    "frontchannelLogoutEnabled": _flag("frontchannelLogout"),
    "frontchannelLogoutUrl": _kept("attributes", "frontchannel.logout.url"),
    "fullScopeAllowed": setting(Field(BOOLEAN, default=True), "fullScopeAllowed"),
    "implicitFlowEnabled": _flag("implicitFlowEnabled"),
    "import": Setting(Field(BOOLEAN, default=False, replace=True, local=True)),
    "loginTheme": _kept("attributes", "login_theme"),
    "name": _kept("name"),
    "oauth2DeviceAuthorizationGrantEnabled": _quoted(
        "oauth2.device.authorization.grant.enabled", default=False
    ),
    "oauth2DeviceCodeLifespan": _attribute("oauth2.device.code.lifespan"),
    "oauth2DevicePollingInterval": _attribute("oauth2.device.polling.interval"),
    "oauth2JwtAuthorizationGrantEnabled": _quoted(
        "oauth2.jwt.authorization.grant.enabled", default=False
    ),
    "oauth2JwtAuthorizationGrantIdp": _attribute("oauth2.jwt.authorization.grant.idp"),
    "pkceCodeChallengeMethod": setting(
        Field(choices=("", "plain", "S256")), "attributes", "pkce.code.challenge.method"
    ),
    "realmId": Setting(Field(required=True, replace=True)),
    "requireDpopBoundTokens": _quoted("dpop.bound.access.tokens", computed=True),
    "resourceServerId": Setting(Field(output=True)),
    "rootUrl": _kept("rootUrl"),
    "serviceAccountUserId": Setting(Field(output=True)),
    "serviceAccountsEnabled": _flag("serviceAccountsEnabled"),
    "standardFlowEnabled": _flag("standardFlowEnabled"),
    "standardTokenExchangeEnabled": _quoted("standard.token.exchange.enabled", default=False),
    "useRefreshTokens": _quoted("use.refresh.tokens", default=True),
    "useRefreshTokensClientCredentials": _quoted(
        "client_credentials.use_refresh_token", default=False
    ),
    "validPostLogoutRedirectUris": setting(
        _TEXTS, "attributes", "post.logout.redirect.uris", form=JOINED
    ),
    "validRedirectUris": setting(_TEXTS, "redirectUris"),
    "webOrigins": setting(_TEXTS, "webOrigins"),
}

ATTRIBUTES: Final = frozenset(
    each.path[1] for each in CLIENT.values() if each.path[:1] == ("attributes",)
)
"""The attributes that have a property of their own."""
