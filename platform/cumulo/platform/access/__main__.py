"""`python -m cumulo.platform.access PAGE`: writes the page's table anew, from the rules."""

import sys
from pathlib import Path

from cumulo.platform.access.declared import all_rules
from cumulo.platform.access.page import replaced


def main() -> None:
    """Does so."""
    page = Path(sys.argv[1])
    page.write_text(replaced(page.read_text(), all_rules()))


main()
