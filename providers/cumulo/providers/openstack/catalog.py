"""What instances are made of: flavors and images, by name or id."""

from urllib.parse import quote

from cumulo.providers.core.errors import ProviderError
from cumulo.providers.openstack.cloud import JSON, Service

_NAMES_SHOWN = 20


def flavor(compute: Service, identity: str) -> JSON | None:
    """A flavor by id."""
    return compute.remembered(f"/flavors/{identity}", "flavor")


def flavor_id(compute: Service, name: str, identity: str) -> str:
    """The id of the flavor that a program names."""
    if identity:
        if flavor(compute, identity) is None:
            raise ProviderError(f"flavorId: the cloud has no flavor {identity!r}")
        return identity
    path = "/flavors/detail?is_public=None"
    known: list[JSON] = []
    # The second look is for a flavor that the same program has just made.
    for look in (compute.remembered, compute.get):
        answer = look(path)
        known = answer["flavors"] if answer else []
        for candidate in known:
            if candidate["name"] == name:
                return str(candidate["id"])
    raise ProviderError(f"flavorName: the cloud has no flavor {name!r}; it has: {names(known)}")


def image(glance: Service, identity: str) -> JSON | None:
    """An image by id."""
    return glance.remembered(f"/v2/images/{identity}")


def image_id(glance: Service, name: str, identity: str) -> str:
    """The id of the image that a program names."""
    if identity:
        if image(glance, identity) is None:
            raise ProviderError(f"imageId: the cloud has no image {identity!r}")
        return identity
    path = f"/v2/images?name={quote(name, safe='')}"
    usable: list[JSON] = []
    for look in (glance.remembered, glance.get):
        found = (look(path) or {"images": []})["images"]
        usable = [candidate for candidate in found if candidate["status"] == "active"]
        if len(usable) == 1:
            return str(usable[0]["id"])
    if usable:
        ids = ", ".join(candidate["id"] for candidate in usable)
        raise ProviderError(
            f"imageName: more than one image is called {name!r}; set imageId: {ids}"
        )
    everything = glance.get("/v2/images", params={"limit": 100})["images"]
    raise ProviderError(f"imageName: the cloud has no image {name!r}; it has: {names(everything)}")


def names(things: list[JSON]) -> str:
    """The names of things, for a message."""
    every = sorted({str(thing["name"]) for thing in things})
    shown = ", ".join(every[:_NAMES_SHOWN]) or "none"
    return f"{shown}, ..." if len(every) > _NAMES_SHOWN else shown
