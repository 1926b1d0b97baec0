"""The images that components name are those that are built here."""

from cumulo.images.containers.recipes import RECIPES
from cumulo.platform.database.pods import IMAGE as POSTGRES
from cumulo.platform.identity.component import IMAGE as KEYCLOAK


def test_what_components_name_can_be_built() -> None:
    built = {recipe.reference for recipe in RECIPES.values()}
    assert {POSTGRES, KEYCLOAK} <= built
