"""The images that can be built, a module for each project."""

from cumulo.images.containers.recipe import Recipe
from cumulo.images.containers.recipes.distribution import DISTRIBUTION
from cumulo.images.containers.recipes.gateway import GATEWAY
from cumulo.images.containers.recipes.keycloak import KEYCLOAK
from cumulo.images.containers.recipes.mlflow import MLFLOW
from cumulo.images.containers.recipes.postgres import POSTGRES
from cumulo.images.containers.recipes.prometheus import ALERTMANAGER, NODE_EXPORTER, PROMETHEUS
from cumulo.local.errors import CumuloError

RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        *(DISTRIBUTION, POSTGRES, GATEWAY, KEYCLOAK),
        *(PROMETHEUS, ALERTMANAGER, NODE_EXPORTER, MLFLOW),
    )
}
"""By the name that the command gives them."""


def recipe(name: str) -> Recipe:
    """The recipe of a name.

    Raises:
        CumuloError: There is none.
    """
    if name not in RECIPES:
        raise CumuloError(
            f"there is no image {name!r}", f"there are {', '.join(['node', *sorted(RECIPES)])}"
        )
    return RECIPES[name]
