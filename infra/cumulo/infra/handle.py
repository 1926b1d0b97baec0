"""What one layer hands to the next: a component's outputs without the component."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from operator import itemgetter
from typing import Any, Self

import pulumi


@dataclass(frozen=True, kw_only=True)
class Handle:
    """A component's outputs as one typed value: what other components accept as input.

    Another stack gets the same handle: the one that has the component exports
    `handle.outputs()`, the one that needs it calls `from_stack`.

    Attributes:
        name: The component's name in its program. Known before anything is made, so that
            resources may be named after it.
        needs: What must exist before this can be relied on. Empty in another stack, where the
            update that made it has ended.
    """

    name: str
    needs: tuple[pulumi.Resource, ...] = ()

    def outputs(self) -> dict[str, Any]:
        """The values to export, by field."""
        return {field: getattr(self, field) for field in self._exported()}

    @classmethod
    def from_stack(cls, stack: pulumi.StackReference, output: str) -> Self:
        """The handle that another stack exports under the name `output`."""
        exported: pulumi.Output[Mapping[str, Any]] = stack.require_output(output)
        values: dict[str, Any] = {
            field: exported.apply(itemgetter(field)) for field in cls._exported()
        }
        return cls(name=output, **values)

    @classmethod
    def _exported(cls) -> list[str]:
        own = {field.name for field in fields(Handle)}
        return [field.name for field in fields(cls) if field.name not in own]
