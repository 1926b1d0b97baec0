"""A declarative core for Pulumi providers: a type is its fields and five short functions."""
