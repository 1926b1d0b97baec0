"""Ids: how they are written for an import, and how they tell what an interrupted create made.

Keycloak takes the id of a client, a client scope or a mapper from who makes it. So theirs follows
from the resource's mark, and what has it is ours. A realm carries the mark among its attributes,
where the official provider shows only what the program said. Roles, groups and users take neither
an id nor an attribute that nobody sees; they are found by their names, and are ours where the
realm is.
"""

import uuid
from typing import Final

from cumulo.providers.core.call import Call
from cumulo.providers.core.errors import ProviderError
from cumulo.providers.keycloak.server import JSON, KeycloakError, Server

MARK: Final = "cumulo.mark"
"""The realm's attribute that carries the mark."""

_SPACE: Final = uuid.UUID("7c0b6e0e-5f3a-4d0e-9a76-3b1f6f1c2d45")


def marked(call: Call[Server]) -> JSON:
    """The id that an object gets for its mark, where there is one."""
    return {"id": str(uuid.uuid5(_SPACE, call.mark))} if call.mark else {}


def parts(identity: str, form: str) -> list[str]:
    """The parts of an import's id.

    Args:
        identity: The id.
        form: What it must look like: names between slashes.

    Raises:
        ProviderError: It does not.
    """
    found = identity.split("/")
    wanted = form.split("/")
    if len(found) != len(wanted) or not all(found):
        raise ProviderError(f"the id to import must be {form}, unlike {identity!r}")
    return found


def taken(error: KeycloakError, what: str, token: str, form: str) -> ProviderError:
    """The refusal of a name that another object has.

    Args:
        error: What Keycloak said.
        what: What the name is of.
        token: The type's token.
        form: How the object's id is written for an import.
    """
    if error.status != 409:
        return error
    return ProviderError(
        f"{error}; {what} is not this resource's: choose another name, delete it, or take it "
        f"over with `pulumi import {token} NAME {form}`"
    )
