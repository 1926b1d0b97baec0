"""The configuration of httpd, from the rules.

Everything is refused unless a route's rules say otherwise. A route is one `<LocationMatch>`, and
no request is in two of them, so that none inherits from another. Nothing secret is written here:
what is, httpd reads from files beside it.
"""

import re
from collections.abc import Iterable, Iterator
from itertools import product
from typing import Final
from urllib.parse import quote

from cumulo.platform.access.rules import SIGNED_IN, AccessRules, Method, Route, Rule, in_order
from cumulo.platform.gateway.answers import HEALTH, NOT_VALID, STATUSES
from cumulo.platform.gateway.site import Site

CONFIGURATION: Final = "httpd.conf"
COOKIE: Final = "__Host-cumulo"

IDENTITY: Final = ("X-Forwarded-User", "X-Forwarded-Email", "X-Forwarded-Groups")
"""The headers that tell a service who asks."""

_MODULES: Final = (
    *("mpm_event", "authn_core", "authz_core", "authz_user", "auth_openidc", "allowmethods"),
    *("alias", "asis", "rewrite", "headers", "setenvif", "env", "unique_id", "status"),
    *("reqtimeout", "socache_shmcb", "ssl", "proxy", "proxy_http"),
)

# Other names under which services are told who asks; none of them may come from outside.
_STRIPPED: Final = (
    *IDENTITY,
    *("X-Forwarded-Access-Token", "X-Forwarded-Preferred-Username", "X-Forwarded-Prefix"),
    *("X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Server", "X-Forwarded-Proto"),
    *("X-Forwarded-Port", "X-Forwarded-Ssl", "Forwarded", "X-Real-IP", "X-Request-Id"),
    *("X-Auth-Request-User", "X-Auth-Request-Groups", "X-Auth-Request-Email"),
    *("Remote-User", "Remote-Groups", "X-Remote-User", "X-Remote-Group", "X-Webauth-User"),
    *("X-Original-URL", "X-Rewrite-URL", "X-HTTP-Method-Override", "X-HTTP-Method"),
    *("X-Method-Override", "Proxy"),
)
# Services that go by CGI's names take all of these for the same.
_SEPARATORS: Final = ("-", "_", ".")

# Between roles in one value. No name has it, so that no role's name can hold another's.
_DELIMITER: Final = "\x1f"

# An expression that has it waits for somebody to be known, instead of refusing before.
_KNOWN: Final = "-n %{REMOTE_USER}"

_BEARER: Final = "%{HTTP:Authorization} =~ /^Bearer /i"

_SAFE = re.compile(r"[A-Za-z0-9_.~:/?#@&+,;=%-]+")


def configuration(rules: AccessRules, site: Site) -> str:
    """The whole of httpd.conf."""
    parts = [_server(site), _openid(site), _stripping(), _unknown_host(site)]
    parts += [_host(subdomain, rules, site) for subdomain in _subdomains(rules)]
    parts += [_to_tls(rules, site), _status(site)]
    return "\n".join(parts)


def _subdomains(rules: AccessRules) -> list[str]:
    return sorted({"", *(route.subdomain for route in rules.routes.values())})


def _server(site: Site) -> str:
    threads = min(64, site.workers)
    processes = -(-site.workers // threads)
    loaded = "\n".join(
        f"LoadModule {module}_module {site.modules}/mod_{module}.so" for module in _MODULES
    )
    documents = "\n".join(f"ErrorDocument {status} /-/answer/{status}" for status in STATUSES)
    return f"""\
{loaded}

ServerRoot "{site.folder}"
DefaultRuntimeDir "{site.run}"
PidFile "{site.run}/httpd.pid"
ServerName {site.host}
Listen {site.address}{site.port}
Listen {site.address}{site.redirect_port}
Listen {site.address}{site.status_port}

StartServers 1
ServerLimit {processes}
ThreadsPerChild {threads}
MaxRequestWorkers {processes * threads}
MinSpareThreads {min(16, threads)}
MaxSpareThreads {processes * threads}
GracefulShutdownTimeout 30

ServerTokens Prod
ServerSignature Off
TraceEnable off
FileETag None
UseCanonicalName Off
HttpProtocolOptions Strict
AllowEncodedSlashes Off
MergeSlashes On
Timeout 60
KeepAlive On
KeepAliveTimeout 15
MaxKeepAliveRequests 1000
RequestReadTimeout handshake=10 header=10-30,MinRate=500 body=30,MinRate=500
LimitRequestLine 8190
LimitRequestFields 100
LimitRequestFieldSize 16380

# Of a request neither its query nor its headers but one: tokens and codes travel there.
LogFormat "time=%{{%Y-%m-%dT%H:%M:%S}}t.%{{msec_frac}}t%{{%z}}t id=%<{{UNIQUE_ID}}e client=%a \
host=\\"%v\\" route=%<{{CUMULO_ROUTE}}e user=\\"%<u\\" method=%<m path=\\"%U\\" \
status=%>s bytes=%B ms=%{{ms}}T agent=\\"%{{User-Agent}}i\\"" requests
CustomLog "{site.access_log}" requests
ErrorLog "{site.error_log}"
ErrorLogFormat "time=%{{cu}}t level=%l module=%m id=%L client=%a %E message=\\"%M\\""
# Who is refused is in the log of requests.
LogLevel warn authz_core:crit

SSLProtocol -all +TLSv1.2 +TLSv1.3
SSLCipherSuite ECDHE+AESGCM:ECDHE+CHACHA20
SSLCertificateFile "{site.folder}/tls/tls.crt"
SSLCertificateKeyFile "{site.folder}/tls/tls.key"
SSLSessionCache "shmcb:{site.run}/tls(512000)"
SSLSessionTickets Off
SSLProxyEngine On
SSLProxyVerify require
SSLProxyCheckPeerName On
SSLProxyCACertificateFile "{_authorities(site)}"

ProxyRequests Off
ProxyVia Off
ProxyPreserveHost On

<Directory "/">
    Require all denied
    AllowOverride None
</Directory>
<Location "/">
    Require all denied
    AuthzSendForbiddenOnFailure On
</Location>
<Directory "{site.folder}">
    Options None
    <FilesMatch "\\.(?:asis|json|html)$">
        Require all granted
        SetHandler send-as-is
    </FilesMatch>
</Directory>
<LocationMatch "^/(?:healthz$|-/answer/)">
    AuthType None
    Require all granted
    Header always setifempty WWW-Authenticate \
"Bearer realm=\\"cumulo\\", error=\\"invalid_token\\"" \
"expr=%{{REQUEST_STATUS}} == 401 && {_BEARER}"
    Header always setifempty WWW-Authenticate "Bearer realm=\\"cumulo\\"" \
"expr=%{{REQUEST_STATUS}} == 401"
</LocationMatch>
{documents}
"""


def _authorities(site: Site) -> str:
    return f"{site.folder}/ca.crt" if site.authority else "/etc/ssl/certs/ca-certificates.crt"


def _openid(site: Site) -> str:
    realm = site.realm
    return f"""\
OIDCProviderIssuer {plain(realm.issuer)}
OIDCProviderAuthorizationEndpoint {plain(realm.authorization_endpoint)}
OIDCProviderTokenEndpoint {plain(realm.token_endpoint)}
OIDCProviderTokenEndpointAuth client_secret_basic
OIDCProviderJwksUri {plain(realm.jwks_uri)}
OIDCProviderEndSessionEndpoint {plain(realm.end_session_endpoint)}
OIDCClientID {plain(realm.client_id)}
OIDCClientSecret "exec:/bin/cat {site.folder}/secrets/client-secret"
OIDCCryptoPassphrase "exec:/bin/cat {site.folder}/secrets/session-key"
OIDCCABundlePath "{_authorities(site)}"
OIDCResponseType code
OIDCPKCEMethod S256
OIDCScope "openid"
# On the host that is asked: no cookie is for more than one.
OIDCRedirectURI /-/callback
OIDCRemoteUserClaim {plain(realm.user_claim)}
OIDCOAuthVerifyJwksUri {plain(realm.jwks_uri)}
OIDCOAuthRemoteUserClaim {plain(realm.user_claim)}
OIDCOAuthAcceptTokenAs header
OIDCHTTPTimeoutLong 10 3 1
OIDCHTTPTimeoutShort 5 2 1

# In the browser, encrypted, so that any replica knows it and none has to remember. The provider
# wants the ID token when somebody logs out.
OIDCSessionType client-cookie:store_id_token
OIDCSessionMaxDuration {site.session_seconds}
OIDCSessionInactivityTimeout {site.session_seconds}
OIDCCookie {COOKIE}
OIDCStateCookiePrefix {COOKIE}-state-
OIDCCookieSameSite Lax
OIDCStateMaxNumberOfCookies 7 true
OIDCWhiteListedClaims iss sub aud azp exp iat nonce email {plain(realm.user_claim)} \
{plain(realm.roles_claim)}
OIDCCacheShmMax 500
OIDCCacheShmEntrySizeMax 65536

OIDCXForwardedHeaders X-Forwarded-Proto
OIDCPassClaimsAs environment
OIDCPassIDTokenAs claims
OIDCPassUserInfoAs claims
OIDCPassAccessToken Off
OIDCClaimDelimiter "{_DELIMITER}"
OIDCMetricsData authtype authn authz session provider redirect_uri
"""


def _stripping() -> str:
    """What comes from outside and only the gateway may say."""
    lines = [
        # Before anything has looked at them.
        f"RequestHeader unset {spelling} early"
        for name in _STRIPPED
        for spelling in spellings(name)
    ]
    lines.append("RequestHeader set X-Forwarded-Proto https early")
    # The services need neither the session nor what a login leaves while it lasts.
    lines.append(f'RequestHeader edit* Cookie "(?:^|;)\\s*{COOKIE}[^;=]*=[^;]*" ""')
    lines.append('RequestHeader edit Cookie "^[;\\s]+" ""')
    lines.append("RequestHeader unset Cookie \"expr=req('Cookie') =~ /^\\s*$/\"")
    lines += [
        "RequestHeader set X-Request-Id %{UNIQUE_ID}e",
        'Header always set Strict-Transport-Security "max-age=31536000; includeSubDomains"',
        "Header always set X-Content-Type-Options nosniff",
        "Header always setifempty Referrer-Policy strict-origin-when-cross-origin",
        "Header always setifempty X-Frame-Options SAMEORIGIN",
        "Header always set X-Request-Id %{UNIQUE_ID}e",
        "Header unset X-Powered-By",
    ]
    return "\n".join(lines) + "\n"


def spellings(name: str) -> list[str]:
    """Every spelling of a header that a service may take for the same; case is one already."""
    first, *rest = name.split("-")
    return [
        first + "".join(map("".join, zip(separators, rest, strict=True)))
        for separators in product(_SEPARATORS, repeat=len(rest))
    ]


def _unknown_host(site: Site) -> str:
    # The first one is for all names that no other has.
    return f"""\
<VirtualHost *:{site.port}>
    ServerName unknown.invalid
    SSLEngine On
{_indented(_answers(site))}
    RewriteRule "^" "-" [R=421,L]
</VirtualHost>
"""


def _host(subdomain: str, rules: AccessRules, site: Site) -> str:
    routes = [
        (name, route) for name, route in rules.outermost_first() if route.subdomain == subdomain
    ]
    passes = "\n".join(_pass(site, name, route) for name, route in reversed(routes))
    locations = "\n".join(_location(site, name, route, rules) for name, route in routes)
    sizes = "\n".join(_size(rules, name, route) for name, route in routes)
    known = "|".join(re.escape(route.path[1:]) for _, route in routes)
    bare = "\n".join(
        f'RewriteRule "^{re.escape(route.path[:-1])}$" "{route.path}" [R=308,L]'
        for _, route in routes
        if route.path != "/"
    )
    origin = f"https://{site.authority_of(subdomain)}"
    # `%3` would be a part of what was matched.
    back = quote(f"{origin}/", safe="").replace("%", "\\%")
    return f"""\
<VirtualHost *:{site.port}>
    ServerName {site.name_of(subdomain)}
    SSLEngine On
{_indented(_answers(site))}
{_indented(_refusals(origin))}
    RewriteRule "^/healthz$" "{site.folder}/{HEALTH}" [L]
    RewriteRule "^/-/logout$" "/-/callback?logout={back}" [R=302,NE,L]
    RewriteRule "^/-/callback$" "-" [L]
{_indented(bare)}
    RewriteRule "^/(?!{known})" "-" [R=404,L]
    RewriteRule "^/-/" "-" [R=404,L]
{_indented(sizes)}
    ProxyPass "/-/" "!"
    ProxyPass "/healthz" "!"
{_indented(passes)}
    <Location "/-/callback">
        AuthType openid-connect
        Require valid-user
    </Location>
{_indented(locations)}
</VirtualHost>
"""


def _answers(site: Site) -> str:
    """How the gateway's own answers are found, by who asks."""
    realm = site.realm
    person = "%{HTTP_ACCEPT} =~ m#text/html#"
    claim = "%{reqenv:REDIRECT_OIDC_CLAIM_"
    audience = re.escape(plain(realm.audience))
    return f"""\
RewriteEngine On
RewriteCond "%{{ENV:REDIRECT_STATUS}}" "^$"
RewriteRule "^/-/answer/" "-" [R=404,L]
# A token that is not for this gateway was refused by the rules, and yet is no matter of roles.
RewriteCond expr "{_BEARER}"
RewriteCond expr "{claim}iss}} != '{plain(realm.issuer)}' || -z {claim}exp}} || \
{claim}aud}} !~ /(?:^|{_DELIMITER}){audience}(?:{_DELIMITER}|$)/"
RewriteRule "^/-/answer/40[13]$" "/-/answer/{NOT_VALID}"
RewriteCond expr "{person}"
RewriteRule "^/-/answer/([0-9a-z-]+)$" "{site.folder}/$1.html" [L]
RewriteRule "^/-/answer/([0-9a-z-]+)$" "{site.folder}/$1.json" [L]
"""


def _refusals(origin: str) -> str:
    """What no route takes."""
    hop = "(?:keep-alive|close|upgrade|te|http2-settings)"
    return f"""\
# Other names here would take headers away that the gateway sets.
RewriteCond "%{{HTTP:Connection}}" "!^\\s*(?:{hop}\\s*(?:,\\s*{hop}\\s*)*)?$" [NC]
RewriteRule "^" "-" [R=400,L]
# What a service may take for another path than the one that was looked up.
RewriteCond "%{{REQUEST_URI}}" "(?:^|/)\\.{{1,2}};|[\\\\\\x00-\\x1f\\x7f]"
RewriteRule "^" "-" [R=400,L]
# A page of another origin must not act with this one's login.
RewriteCond "%{{HTTP:Cookie}}" "{COOKIE}="
RewriteCond "%{{HTTP:Origin}}" "!^$"
RewriteCond "%{{HTTP:Origin}}" "!={origin}"
RewriteCond "%{{REQUEST_METHOD}}" "!^(?:GET|HEAD)$" [OR]
RewriteCond "%{{HTTP:Upgrade}}" "!^$"
RewriteRule "^" "-" [F,L]
"""


def _pass(site: Site, name: str, route: Route) -> str:
    upstream = plain(site.upstreams[name]) + ("/" if route.strip_path else route.path)
    # A service whose pods have moved is asked anew, and none is given up for a while.
    options = f"connectiontimeout=5 timeout={route.timeout} retry=0 ttl=4 addressttl=30"
    upgrade = " upgrade=websocket" if route.websocket else ""
    return f'ProxyPass "{route.path}" "{upstream}" {options}{upgrade}'


def _location(site: Site, name: str, route: Route, rules: AccessRules) -> str:
    access = "\n".join(_access(site, route, rules.roles))
    return f"""\
<LocationMatch "{_pattern(rules, name, route)}">
    SetEnvIfExpr true CUMULO_ROUTE={name}
    AllowMethods {" ".join(route.methods)}
    RequestHeader set X-Forwarded-Prefix "{route.path[:-1]}"
{_indented(access)}
</LocationMatch>"""


def _pattern(rules: AccessRules, name: str, route: Route) -> str:
    """The paths of a route, without those of the routes within it."""
    elsewhere = [
        re.escape(other.path.removeprefix(route.path))
        for other in rules.routes.values()
        if other.within == name
    ]
    elsewhere += ["-/", "healthz$"] if route.path == "/" else []
    apart = f"(?!{'|'.join(elsewhere)})" if elsewhere else ""
    return f"^{re.escape(route.path)}{apart}"


def _size(rules: AccessRules, name: str, route: Route) -> str:
    # LimitRequestBody is not for proxies; so what has no known length is refused too.
    if route.max_body_mib is None:
        return ""
    pattern = _pattern(rules, name, route)
    return f"""\
RewriteCond "%{{HTTP:Transfer-Encoding}}" "!^$"
RewriteRule "{pattern}" "-" [R=411,L]
RewriteCond expr "%{{HTTP:Content-Length}} -gt {route.max_body_mib * 1024 * 1024}"
RewriteRule "{pattern}" "-" [R=413,L]"""


def _access(site: Site, route: Route, roles: Iterable[str]) -> Iterator[str]:
    if route.login == "none":
        yield from ("AuthType None", "Require all granted")
        return
    kind = {"browser": "openid-connect", "bearer": "oauth20", "both": "auth-openidc"}[route.login]
    yield from (f"AuthType {kind}", 'AuthName "cumulo"')
    if route.login != "bearer":
        # Only a browser that shows a page can log in; all else is told so.
        yield (
            'OIDCUnAuthAction 401 "%{HTTP_ACCEPT} !~ m#text/html# || '
            "%{REQUEST_METHOD} !~ /^(GET|HEAD)$/ || "
            "%{HTTP:X-Requested-With} == 'XMLHttpRequest' || "
            "(-n %{HTTP:Sec-Fetch-Mode} && %{HTTP:Sec-Fetch-Mode} != 'navigate')\""
        )
    yield "<RequireAll>"
    yield from _indented_lines(_genuine(site, route))
    yield from _indented_lines(_allowed(site, route))
    # Such a name could pass for two in what services are told.
    yield "    <RequireNone>"
    yield f"        Require claim {site.realm.roles_claim}~[[:cntrl:]]"
    yield "    </RequireNone>"
    yield "</RequireAll>"
    yield "RequestHeader unset Authorization"
    yield 'RequestHeader set X-Forwarded-User "expr=%{REMOTE_USER}"'
    yield 'RequestHeader set X-Forwarded-Email "%{OIDC_CLAIM_email}e" env=OIDC_CLAIM_email'
    claim = f"%{{reqenv:OIDC_CLAIM_{site.realm.roles_claim}}}"
    for role in roles:
        has = f"{claim} =~ /(?:^|{_DELIMITER}){role}(?:{_DELIMITER}|$)/"
        yield f'RequestHeader append X-Forwarded-Groups {role} "expr={has}"'


def _genuine(site: Site, route: Route) -> Iterator[str]:
    """What mod_auth_openidc does not ask of an access token: for whom it is, and until when."""
    if route.login == "browser":
        return
    realm = site.realm
    yield "<RequireAny>"
    if route.login == "both":
        # Of a session it has asked all that.
        yield f"    Require expr \"{_KNOWN} && %{{AUTH_TYPE}} == 'openid-connect'\""
    yield "    <RequireAll>"
    yield f"        Require claim {_exactly('iss', realm.issuer)}"
    yield f"        Require claim {_exactly('aud', realm.audience)}"
    yield f'        Require expr "{_KNOWN} && -n %{{reqenv:OIDC_CLAIM_exp}}"'
    yield "    </RequireAll>"
    yield "</RequireAny>"


def _allowed(site: Site, route: Route) -> Iterator[str]:
    for effect, section in (("allow", "RequireAny"), ("deny", "RequireNone")):
        rules = [rule for rule in route.rules if rule.effect == effect]
        if rules:
            yield f"<{section}>"
            for rule in rules:
                yield from _indented_lines(_rule(site, rule, route.methods))
            yield f"</{section}>"


def _rule(site: Site, rule: Rule, methods: tuple[Method, ...]) -> Iterator[str]:
    who = (
        "Require valid-user"
        if rule.role == SIGNED_IN
        else f"Require claim {_exactly(site.realm.roles_claim, rule.role)}"
    )
    if rule.covered >= set(methods):
        yield who
        return
    # httpd takes GET and HEAD for the same.
    named = " ".join(method for method in in_order(rule.covered) if method != "HEAD")
    yield from ("<RequireAll>", f"    {who}", f"    Require method {named}", "</RequireAll>")


def _to_tls(rules: AccessRules, site: Site) -> str:
    return "\n".join(
        f"""\
<VirtualHost *:{site.redirect_port}>
    ServerName {site.name_of(subdomain)}
    Redirect 308 "/" "https://{site.authority_of(subdomain)}/"
</VirtualHost>
"""
        for subdomain in _subdomains(rules)
    )


def _status(site: Site) -> str:
    return f"""\
<VirtualHost *:{site.status_port}>
    ServerName status.invalid
    CustomLog "/dev/null" requests
    RewriteEngine On
    RewriteRule "^/healthz$" "{site.folder}/{HEALTH}" [L]
    OIDCMetricsPublish /metrics
    <Location "/server-status">
        SetHandler server-status
        Require all granted
    </Location>
    <Location "/metrics">
        Require all granted
    </Location>
</VirtualHost>
"""


def _exactly(claim: str, value: str) -> str:
    """What a claim has to be, or one of its values.

    An expression, since the module compares plain text as people would sort it: without spaces.
    """
    quoted = "".join(f"[{char}]" if char in ".?+" else char for char in plain(value))
    # `$` alone would let a line's end pass.
    return f"{plain(claim)}~^{quoted}$(?![[:cntrl:]])"


def plain(value: str) -> str:
    """A value that means the same within httpd's configuration.

    Raises:
        ValueError: It does not.
    """
    if not _SAFE.fullmatch(value) or "${" in value:
        raise ValueError(f"{value!r} has characters that httpd's configuration would read")
    return value


def _indented(text: str) -> str:
    return "\n".join(_indented_lines(iter(text.rstrip("\n").split("\n"))))


def _indented_lines(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        yield f"    {line}" if line else line
