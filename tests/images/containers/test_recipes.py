"""Recipes are values: what every one of them has to say, and what it must not."""

from dataclasses import replace
from pathlib import Path, PurePosixPath

import pytest
from cumulo.images.containers import golang, image, page, python
from cumulo.images.containers.recipe import Recipe
from cumulo.images.containers.recipes import RECIPES, recipe
from cumulo.local import go, versions
from cumulo.local.apt import Archives
from cumulo.local.errors import CumuloError
from cumulo.local.go import compiler

MIRROR = Archives(("deb http://mirror.example/debian trixie main",))
every = pytest.mark.parametrize("one", RECIPES.values(), ids=RECIPES)


@every
def test_nobody_runs_as_root(one: Recipe) -> None:
    uid, _ = one.owner
    assert uid > 0


@every
def test_its_name_is_whole_and_its_tag_no_moving_target(one: Recipe) -> None:
    host, _, path = one.reference.partition("/")
    assert "." in host
    assert path.count(":") == 1
    assert one.tag not in ("", "latest")
    assert f"{one.repository}:{one.tag}" == one.reference


@every
def test_no_file_lies_behind_a_link_of_debian(one: Recipe) -> None:
    paths = [*one.files, *(one.commands.paths if one.commands else ())]
    links = ("/bin", "/sbin", "/lib", "/lib64", "/var/run", "/var/lock")
    for path in paths:
        assert not any(PurePosixPath(path).is_relative_to(link) for link in links), path


@every
def test_what_belongs_to_the_user_is_there(one: Recipe) -> None:
    places = [*one.files, *(artifact.into for artifact in one.artifacts)]
    for owned in (*one.owned, *one.volumes):
        assert any(PurePosixPath(place).is_relative_to(owned) for place in places), owned


def test_the_version_in_a_name_is_that_of_what_is_built() -> None:
    assert RECIPES["distribution"].tag == golang.version(
        "registry", "github.com/distribution/distribution/v3"
    )
    # Its Go module has another version than Prometheus itself.
    assert golang.version("prometheus", "github.com/prometheus/prometheus") == "0.316.0"
    assert RECIPES["prometheus"].reference == "quay.io/prometheus/prometheus:v3.16.0"
    requirements = RECIPES["mlflow"].requirements
    assert requirements is not None
    assert RECIPES["mlflow"].tag == f"v{python.pins(requirements)['mlflow']}"


def test_the_description_s_name_tells_what_an_image_depends_on() -> None:
    one = RECIPES["postgres"]
    others = [
        replace(one, environment={**one.environment, "TZ": "UTC"}),
        replace(one, packages=(*one.packages, "less")),
        replace(one, after=f"{one.after}\ntrue"),
        replace(one, files={}),
        replace(one, owned=()),
        replace(one, users=()),
        replace(one, user="998"),
    ]

    names = {image.description(made, MIRROR).name for made in (one, *others)}
    assert len(names) == len(others) + 1
    assert image.description(one, MIRROR) == image.description(replace(one), MIRROR)
    elsewhere = Archives(("deb http://other.example/debian trixie main",))
    assert image.description(one, elsewhere).name not in names
    assert all(name.startswith("postgres-17-") for name in names)


def test_an_image_that_there_is_not_is_named_with_those_that_there_are() -> None:
    with pytest.raises(CumuloError, match=r"there is no image 'grafana'.*\n.*keycloak"):
        recipe("grafana")


def test_a_go_that_is_fetched_is_new_enough_for_every_module() -> None:
    for module in golang.MODULES.iterdir():
        oldest = go.oldest(module / "go.mod")
        assert compiler.is_new_enough(versions.GO_WHEEL_NEWER, oldest), module.name


def test_the_documentation_has_the_table_that_the_recipes_make() -> None:
    written = Path(__file__).parents[3] / "docs/images.md"
    assert page.table() in written.read_text("utf-8"), (
        "docs/images.md differs: `python -m cumulo.images.containers.page` prints its table"
    )
