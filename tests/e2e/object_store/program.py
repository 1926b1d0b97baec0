"""Two buckets of one team."""

import pulumi
from cumulo.infra import ObjectStore

force = pulumi.Config("cumulo").require_bool("force")

for name in ("models", "datasets"):
    store = ObjectStore(name, {"versioning": name == "models", "force_destroy": force})
    pulumi.export(name, store.handle.outputs())
