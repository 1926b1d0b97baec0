"""The table of `docs/images.md`, from the recipes: `python -m cumulo.images.containers.page`."""

import sys

from cumulo.images.containers.recipes import RECIPES


def table() -> str:
    """Markdown: upstream's image, what it is built from here, how that differs."""
    rows = ["| name | image | built from | difference |", "|---|---|---|---|"]
    for name, recipe in RECIPES.items():
        differences = " ".join(recipe.differences) or "None that is known."
        rows.append(f"| `{name}` | `{recipe.reference}` | {recipe.contents} | {differences} |")
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    sys.stdout.write(table())
