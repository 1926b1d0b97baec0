"""A realm with teams, an API with a service account, and a client that people log in by."""

import pulumi
import pulumi_keycloak as keycloak

config = pulumi.Config()

provider = keycloak.Provider(
    "keycloak",
    url=config.require("url"),
    client_id="admin-cli",
    username="admin",
    password=config.require_secret("password"),
)
there = pulumi.ResourceOptions(provider=provider)

realm = keycloak.Realm(
    "realm",
    realm=config.require("realm"),
    display_name=config.get("title"),
    access_token_lifespan="10m",
    opts=there,
)
teams = keycloak.Group("teams", realm_id=realm.id, name="teams", opts=there)
blue = keycloak.Group("blue", realm_id=realm.id, parent_id=teams.id, name="blue", opts=there)
reader = keycloak.Role("reader", realm_id=realm.id, name="reader", opts=there)
keycloak.GroupRoles("blue", realm_id=realm.id, group_id=blue.id, role_ids=[reader.id], opts=there)

api = keycloak.openid.Client(
    "api",
    realm_id=realm.id,
    client_id="api",
    access_type="CONFIDENTIAL",
    service_accounts_enabled=True,
    opts=there,
)
writer = keycloak.Role("writer", realm_id=realm.id, client_id=api.id, name="writer", opts=there)
keycloak.openid.ClientServiceAccountRole(
    "writes",
    realm_id=realm.id,
    service_account_user_id=api.service_account_user_id,
    client_id=api.id,
    role=writer.name,
    opts=there,
)
keycloak.openid.ClientServiceAccountRealmRole(
    "reads",
    realm_id=realm.id,
    service_account_user_id=api.service_account_user_id,
    role=reader.name,
    opts=there,
)

web = keycloak.openid.Client(
    "web",
    realm_id=realm.id,
    access_type="PUBLIC",
    standard_flow_enabled=True,
    direct_access_grants_enabled=True,
    valid_redirect_uris=["http://localhost/*"],
    opts=there,
)
scope = keycloak.openid.ClientScope("teams", realm_id=realm.id, name="teams", opts=there)
keycloak.openid.GroupMembershipProtocolMapper(
    "groups", realm_id=realm.id, client_scope_id=scope.id, claim_name="groups", opts=there
)
keycloak.openid.HardcodedClaimProtocolMapper(
    "where",
    realm_id=realm.id,
    client_scope_id=scope.id,
    claim_name="where",
    claim_value="here",
    opts=there,
)
keycloak.openid.AudienceProtocolMapper(
    "audience",
    realm_id=realm.id,
    client_id=web.id,
    included_client_audience=api.client_id,
    opts=there,
)
scopes = keycloak.openid.ClientDefaultScopes(
    "web",
    realm_id=realm.id,
    client_id=web.id,
    default_scopes=["basic", "profile", "email", "roles", scope.name],
    opts=there,
)
keycloak.openid.ClientOptionalScopes(
    "web",
    realm_id=realm.id,
    client_id=web.id,
    optional_scopes=["offline_access"],
    opts=pulumi.ResourceOptions(provider=provider, depends_on=[scopes]),
)

ada = keycloak.User(
    "ada",
    realm_id=realm.id,
    username="ada",
    email="ada@example.org",
    first_name="Ada",
    last_name="L",
    initial_password=keycloak.UserInitialPasswordArgs(value=config.require_secret("login")),
    opts=there,
)
keycloak.GroupMemberships(
    "blue", realm_id=realm.id, group_id=blue.id, members=[ada.username], opts=there
)

found = keycloak.openid.get_client_output(
    realm_id=realm.id, client_id=api.client_id, opts=pulumi.InvokeOutputOptions(provider=provider)
)

pulumi.export("api", api.client_id)
pulumi.export("secret", api.client_secret)
pulumi.export("same", found.client_secret)
pulumi.export("web", web.client_id)
