"""The rules of the tests' gateway: every kind of route there is."""

from cumulo.platform.access.rules import SIGNED_IN, WORLD, AccessRules, Route, allow, deny
from cumulo.platform.service import ServiceHandle

BACKEND = ServiceHandle(
    name="echo", namespace="echo", service="echo", port=80, pod_port=8080, labels={"app": "echo"}
)

RULES = AccessRules(
    roles={
        "data-science": "who makes models",
        "ml-engineers": "who runs them",
        "platform-admins": "who runs the platform",
        "auditors": "who looks and never touches",
    },
    routes={
        "home": Route(backend=BACKEND, rules=[allow(SIGNED_IN, methods=("GET", "HEAD"))]),
        "models": Route(
            backend=BACKEND,
            path="/models/",
            within="home",
            websocket=True,
            rules=[
                allow("data-science", methods=("GET", "HEAD")),
                allow("ml-engineers"),
                allow("auditors", methods=("GET",)),
                deny("auditors", methods=("POST", "PUT", "PATCH", "DELETE")),
            ],
        ),
        "models-admin": Route(
            backend=BACKEND,
            path="/models/admin/",
            within="models",
            rules=[allow("platform-admins")],
        ),
        "api": Route(
            backend=BACKEND,
            path="/api/",
            within="home",
            login="bearer",
            strip_path=True,
            max_body_mib=1,
            rules=[allow("ml-engineers", methods=("GET", "POST")), allow("platform-admins")],
        ),
        "console": Route(
            backend=BACKEND,
            path="/console/",
            within="home",
            login="browser",
            rules=[allow("platform-admins", methods=("GET", "POST"))],
        ),
        "realms": Route(
            backend=BACKEND,
            path="/realms/",
            within="home",
            login="none",
            rules=[allow(WORLD, methods=("GET", "POST"))],
        ),
        "notebooks": Route(
            backend=BACKEND,
            subdomain="notebooks",
            websocket=True,
            rules=[allow("data-science"), allow(SIGNED_IN, methods=("GET",))],
        ),
    },
)
