"""The platform on a cluster, as typed Pulumi components.

Each component takes one typed dictionary of arguments and has a `handle`: the small typed value
that the next component takes as input. Everything public is listed in `__all__`.
"""

from cumulo.platform.access.rules import SIGNED_IN, WORLD, AccessRules, Route, Rule, allow, deny
from cumulo.platform.database.arguments import (
    Backups,
    Clients,
    Consumer,
    DatabaseArgs,
    DatabaseCredential,
    DatabaseHandle,
    Repository,
)
from cumulo.platform.database.component import Database
from cumulo.platform.gateway.component import Gateway, GatewayArgs, GatewayHandle, RealmArgs
from cumulo.platform.identity.component import Identity, IdentityArgs, IdentityHandle
from cumulo.platform.models.arguments import ModelsArgs, ModelsHandle, Team
from cumulo.platform.models.component import Models
from cumulo.platform.monitoring.alerts import Alert, Group
from cumulo.platform.monitoring.arguments import (
    Email,
    MonitoringArgs,
    MonitoringHandle,
    Receiver,
    Target,
)
from cumulo.platform.monitoring.component import Monitoring
from cumulo.platform.monitoring.grafana import Grafana, GrafanaArgs, GrafanaHandle, Login
from cumulo.platform.service import ServiceHandle
from cumulo.platform.workspaces.arguments import Quota, WorkspaceArgs, WorkspaceHandle
from cumulo.platform.workspaces.component import Workspace

__all__ = [
    "SIGNED_IN",
    "WORLD",
    "AccessRules",
    "Alert",
    "Backups",
    "Clients",
    "Consumer",
    "Database",
    "DatabaseArgs",
    "DatabaseCredential",
    "DatabaseHandle",
    "Email",
    "Gateway",
    "GatewayArgs",
    "GatewayHandle",
    "Grafana",
    "GrafanaArgs",
    "GrafanaHandle",
    "Group",
    "Identity",
    "IdentityArgs",
    "IdentityHandle",
    "Login",
    "Models",
    "ModelsArgs",
    "ModelsHandle",
    "Monitoring",
    "MonitoringArgs",
    "MonitoringHandle",
    "Quota",
    "RealmArgs",
    "Receiver",
    "Repository",
    "Route",
    "Rule",
    "ServiceHandle",
    "Target",
    "Team",
    "Workspace",
    "WorkspaceArgs",
    "WorkspaceHandle",
    "allow",
    "deny",
]
