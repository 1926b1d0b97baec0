"""GPUs as Nova's resource tracker wants them."""

from __future__ import annotations

from typing import Any

# Where the first one appears on the imaginary PCI bus.
FIRST_BUS = 0x41


def parse(specs: list[str]) -> list[dict[str, Any]]:
    """The devices of `VENDOR:PRODUCT:COUNT` specifications, each with an address of its own."""
    identities = [
        (vendor, product)
        for vendor, product, count in (spec.split(":") for spec in specs)
        for _ in range(int(count))
    ]
    return [
        {
            "dev_id": f"pci_0000_{FIRST_BUS + number:02x}_00_0",
            "address": f"0000:{FIRST_BUS + number:02x}:00.0",
            "vendor_id": vendor,
            "product_id": product,
            "label": f"label_{vendor}_{product}",
            "dev_type": "type-PCI",
            "numa_node": None,
            "parent_addr": None,
        }
        for number, (vendor, product) in enumerate(identities)
    ]
