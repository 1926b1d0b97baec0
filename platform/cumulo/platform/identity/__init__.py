"""Keycloak: who people and programs are, for everything else."""
