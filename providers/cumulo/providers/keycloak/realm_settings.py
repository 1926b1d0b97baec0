"""The properties of a realm, and where Keycloak has them."""

from typing import Final

from cumulo.providers.core.schema import (
    BOOLEAN,
    INTEGER,
    STRING,
    Field,
    MapOf,
    Object,
    One,
    SetOf,
)
from cumulo.providers.keycloak import shape
from cumulo.providers.keycloak.shape import QUOTED, Setting, length, setting

HIDDEN: Final = "**********"
"""What Keycloak tells in the place of a secret."""


def _flag(name: str) -> Setting:
    return setting(Field(BOOLEAN, computed=True), name)


def _text(name: str) -> Setting:
    return setting(Field(), name)


def _kept(name: str) -> Setting:
    return setting(Field(computed=True), name)


def _hidden(before: object, after: object) -> bool:
    # Nobody knows whether it is another one.
    return before in (HIDDEN, after)


_TEXTS: Final = Field(SetOf(STRING))
NOT_SPECIFIED: Final = "not specified"
RESIDENT_KEYS: Final = ("webAuthnPolicyResidentKey", "webAuthnPolicyPasswordlessResidentKey")
"""What Keycloak has since 26.7, and earlier ones refuse."""


def _choice(name: str, *choices: str) -> Setting:
    return setting(Field(default=NOT_SPECIFIED, choices=(NOT_SPECIFIED, *choices)), name)


def _web_authn(prefix: str) -> dict[str, Setting]:
    return {
        "acceptableAaguids": setting(_TEXTS, f"{prefix}AcceptableAaguids"),
        "attestationConveyancePreference": _choice(
            f"{prefix}AttestationConveyancePreference", "none", "indirect", "direct", "enterprise"
        ),
        "authenticatorAttachment": _choice(
            f"{prefix}AuthenticatorAttachment", "platform", "cross-platform"
        ),
        "avoidSameAuthenticatorRegister": setting(
            Field(BOOLEAN, default=False), f"{prefix}AvoidSameAuthenticatorRegister"
        ),
        "createTimeout": setting(Field(INTEGER, default=0), f"{prefix}CreateTimeout"),
        "discoverableCredential": _choice(
            f"{prefix}ResidentKey", "required", "preferred", "discouraged"
        ),
        "extraOrigins": setting(_TEXTS, f"{prefix}ExtraOrigins"),
        "relyingPartyEntityName": setting(Field(default="keycloak"), f"{prefix}RpEntityName"),
        "relyingPartyId": setting(Field(default=""), f"{prefix}RpId"),
        "requireResidentKey": _choice(f"{prefix}RequireResidentKey", "Yes", "No"),
        "signatureAlgorithms": setting(
            Field(SetOf(STRING), computed=True), f"{prefix}SignatureAlgorithms"
        ),
        "userVerificationRequirement": _choice(
            f"{prefix}UserVerificationRequirement", "required", "preferred", "discouraged"
        ),
    }


_WEB_AUTHN: Final = _web_authn("webAuthnPolicy")
_PASSWORDLESS: Final = {
    **_web_authn("webAuthnPolicyPasswordless"),
    "passwordlessPasskeysEnabled": setting(
        Field(BOOLEAN), "webAuthnPolicyPasswordlessPasskeysEnabled"
    ),
}
_OTP: Final = {
    "algorithm": setting(
        Field(default="HmacSHA1", choices=("HmacSHA1", "HmacSHA256", "HmacSHA512")),
        "otpPolicyAlgorithm",
    ),
    "codeReusable": setting(Field(BOOLEAN, default=False), "otpPolicyCodeReusable"),
    "digits": setting(Field(INTEGER, default=6), "otpPolicyDigits"),
    "initialCounter": setting(Field(INTEGER, default=2), "otpPolicyInitialCounter"),
    "lookAheadWindow": setting(Field(INTEGER, default=1), "otpPolicyLookAheadWindow"),
    "period": setting(Field(INTEGER, default=30), "otpPolicyPeriod"),
    "type": setting(Field(default="totp", choices=("totp", "hotp")), "otpPolicyType"),
}

LOCALES: Final = {
    "defaultLocale": setting(Field(required=True), "defaultLocale"),
    "supportedLocales": setting(Field(SetOf(STRING), required=True), "supportedLocales"),
}

BRUTE_FORCE: Final = {
    "bruteForceStrategy": setting(Field(default="MULTIPLE"), "bruteForceStrategy"),
    "failureResetTimeSeconds": setting(Field(INTEGER, default=43200), "maxDeltaTimeSeconds"),
    "maxFailureWaitSeconds": setting(Field(INTEGER, default=900), "maxFailureWaitSeconds"),
    "maxLoginFailures": setting(Field(INTEGER, default=30), "failureFactor"),
    "maxTemporaryLockouts": setting(Field(INTEGER, default=0), "maxTemporaryLockouts"),
    "minimumQuickLoginWaitSeconds": setting(
        Field(INTEGER, default=60), "minimumQuickLoginWaitSeconds"
    ),
    "permanentLockout": setting(Field(BOOLEAN, default=False), "permanentLockout"),
    "quickLoginCheckMilliSeconds": setting(
        Field(INTEGER, default=1000), "quickLoginCheckMilliSeconds"
    ),
    "waitIncrementSeconds": setting(Field(INTEGER, default=60), "waitIncrementSeconds"),
}


def _header(default: str, name: str) -> Setting:
    return setting(Field(default=default), "browserSecurityHeaders", name)


HEADERS: Final = {
    "contentSecurityPolicy": _header(
        "frame-src 'self'; frame-ancestors 'self'; object-src 'none';", "contentSecurityPolicy"
    ),
    "contentSecurityPolicyReportOnly": _header("", "contentSecurityPolicyReportOnly"),
    "referrerPolicy": _header("no-referrer", "referrerPolicy"),
    "strictTransportSecurity": _header(
        "max-age=31536000; includeSubDomains", "strictTransportSecurity"
    ),
    "xContentTypeOptions": _header("nosniff", "xContentTypeOptions"),
    "xFrameOptions": _header("SAMEORIGIN", "xFrameOptions"),
    "xRobotsTag": _header("none", "xRobotsTag"),
    "xXssProtection": _header("1; mode=block", "xXSSProtection"),
}

_MAIL_PASSWORD: Final = {
    "username": setting(Field(required=True), "user"),
    "password": setting(Field(required=True, secret=True, same=_hidden), "password"),
}
_MAIL_TOKEN: Final = {
    "username": setting(Field(required=True), "user"),
    "url": setting(Field(required=True), "authTokenUrl"),
    "clientId": setting(Field(required=True), "authTokenClientId"),
    "clientSecret": setting(
        Field(required=True, secret=True, same=_hidden), "authTokenClientSecret"
    ),
    "scope": setting(Field(required=True), "authTokenScope"),
}
MAIL: Final = {
    "allowUtf8": setting(Field(BOOLEAN), "allowutf8", form=QUOTED),
    "auth": Setting(
        Field(One(Object(shape.fields(_MAIL_PASSWORD))), excludes=("tokenAuth",)),
        block=_MAIL_PASSWORD,
    ),
    "envelopeFrom": setting(Field(), "envelopeFrom"),
    "from": setting(Field(required=True), "from"),
    "fromDisplayName": setting(Field(), "fromDisplayName"),
    "host": setting(Field(required=True), "host"),
    "port": setting(Field(), "port"),
    "replyTo": setting(Field(), "replyTo"),
    "replyToDisplayName": setting(Field(), "replyToDisplayName"),
    "ssl": setting(Field(BOOLEAN), "ssl", form=QUOTED),
    "starttls": setting(Field(BOOLEAN), "starttls", form=QUOTED),
    "tokenAuth": Setting(
        Field(One(Object(shape.fields(_MAIL_TOKEN))), excludes=("auth",)), block=_MAIL_TOKEN
    ),
}


def _block(settings: shape.Settings) -> Setting:
    """A block that Keycloak always has."""
    return Setting(Field(One(Object(shape.fields(settings))), computed=True), block=settings)


def _optional(settings: shape.Settings) -> Setting:
    """A block that may be missing, which the type reads and writes."""
    return Setting(Field(One(Object(shape.fields(settings)))))


REALM: Final = {
    "accessCodeLifespan": length("accessCodeLifespan"),
    "accessCodeLifespanLogin": length("accessCodeLifespanLogin"),
    "accessCodeLifespanUserAction": length("accessCodeLifespanUserAction"),
    "accessTokenLifespan": length("accessTokenLifespan"),
    "accessTokenLifespanForImplicitFlow": length("accessTokenLifespanForImplicitFlow"),
    "accountTheme": _text("accountTheme"),
    "actionTokenGeneratedByAdminLifespan": length("actionTokenGeneratedByAdminLifespan"),
    "actionTokenGeneratedByUserLifespan": length("actionTokenGeneratedByUserLifespan"),
    "adminPermissionsEnabled": setting(Field(BOOLEAN), "adminPermissionsEnabled"),
    "adminTheme": _text("adminTheme"),
    "attributes": Setting(Field(MapOf(STRING))),
    "browserFlow": _kept("browserFlow"),
    "clientAuthenticationFlow": _kept("clientAuthenticationFlow"),
    "clientSessionIdleTimeout": length("clientSessionIdleTimeout"),
    "clientSessionMaxLifespan": length("clientSessionMaxLifespan"),
    "defaultDefaultClientScopes": Setting(_TEXTS),
    "defaultOptionalClientScopes": Setting(_TEXTS),
    "defaultSignatureAlgorithm": _text("defaultSignatureAlgorithm"),
    "directGrantFlow": _kept("directGrantFlow"),
    "displayName": _kept("displayName"),
    "displayNameHtml": _kept("displayNameHtml"),
    "dockerAuthenticationFlow": _kept("dockerAuthenticationFlow"),
    "duplicateEmailsAllowed": _flag("duplicateEmailsAllowed"),
    "editUsernameAllowed": _flag("editUsernameAllowed"),
    "emailTheme": _text("emailTheme"),
    "enabled": setting(Field(BOOLEAN, default=True), "enabled"),
    "firstBrokerLoginFlow": _kept("firstBrokerLoginFlow"),
    "internalId": setting(Field(computed=True, replace=True), "id"),
    "internationalization": _optional(LOCALES),
    "loginTheme": _text("loginTheme"),
    "loginWithEmailAllowed": _flag("loginWithEmailAllowed"),
    "oauth2DeviceCodeLifespan": length("oauth2DeviceCodeLifespan"),
    "oauth2DevicePollingInterval": setting(
        Field(INTEGER, computed=True), "oauth2DevicePollingInterval"
    ),
    "offlineSessionIdleTimeout": length("offlineSessionIdleTimeout"),
    "offlineSessionMaxLifespan": length("offlineSessionMaxLifespan"),
    "offlineSessionMaxLifespanEnabled": setting(
        Field(BOOLEAN, default=False), "offlineSessionMaxLifespanEnabled"
    ),
    "organizationsEnabled": setting(Field(BOOLEAN, default=False), "organizationsEnabled"),
    "otpPolicy": _block(_OTP),
    "passwordPolicy": _text("passwordPolicy"),
    "realm": setting(Field(required=True, replace=True), "realm"),
    "refreshTokenMaxReuse": setting(Field(INTEGER, default=0), "refreshTokenMaxReuse"),
    "registrationAllowed": _flag("registrationAllowed"),
    "registrationEmailAsUsername": _flag("registrationEmailAsUsername"),
    "registrationFlow": _kept("registrationFlow"),
    "rememberMe": _flag("rememberMe"),
    "resetCredentialsFlow": _kept("resetCredentialsFlow"),
    "resetPasswordAllowed": _flag("resetPasswordAllowed"),
    "revokeRefreshToken": setting(Field(BOOLEAN, default=False), "revokeRefreshToken"),
    "securityDefenses": Setting(
        Field(
            One(
                Object(
                    {
                        "bruteForceDetection": Field(One(Object(shape.fields(BRUTE_FORCE)))),
                        "headers": Field(One(Object(shape.fields(HEADERS)))),
                    }
                )
            )
        )
    ),
    "smtpServer": _optional(MAIL),
    "sslRequired": setting(
        Field(default="external", choices=("none", "external", "all")), "sslRequired"
    ),
    "ssoSessionIdleTimeout": length("ssoSessionIdleTimeout"),
    "ssoSessionIdleTimeoutRememberMe": length("ssoSessionIdleTimeoutRememberMe"),
    "ssoSessionMaxLifespan": length("ssoSessionMaxLifespan"),
    "ssoSessionMaxLifespanRememberMe": length("ssoSessionMaxLifespanRememberMe"),
    "terraformDeletionProtection": Setting(Field(BOOLEAN, default=False, local=True)),
    "userManagedAccess": setting(Field(BOOLEAN, default=False), "userManagedAccessAllowed"),
    "verifyEmail": _flag("verifyEmail"),
    "webAuthnPasswordlessPolicy": _block(_PASSWORDLESS),
    "webAuthnPolicy": _block(_WEB_AUTHN),
}
