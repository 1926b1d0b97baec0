"""Keycloak for Pulumi: the official `keycloak` package's types over Keycloak's admin API."""
