"""MLflow."""

from cumulo.images.containers import python
from cumulo.images.containers.recipe import FILES, Recipe, Requirements

_REQUIREMENTS = Requirements(FILES / "mlflow/requirements.txt")
_VERSION = python.pins(_REQUIREMENTS)["mlflow"]

MLFLOW = Recipe(
    name="mlflow",
    reference=f"ghcr.io/mlflow/mlflow:v{_VERSION}",
    contents="PyPI's `mlflow`, `psycopg2-binary`, `boto3` and `prometheus-flask-exporter`",
    differences=(
        (
            "Has what PostgreSQL, object storage and `--expose-prometheus` need; upstream's lacks "
            "some of it."
        ),
        "Debian's Python 3.13; runs as user 65532, not as root.",
        "`git` is not in it: runs do not note a commit of the server's.",
    ),
    packages=("python3",),
    requirements=_REQUIREMENTS,
    user="65532:65532",
    entrypoint=(),
    command=("bash",),
    environment={
        "LANG": "C.UTF-8",
        "GIT_PYTHON_REFRESH": "quiet",
        "PYTHONUNBUFFERED": "1",
        # The user has no home.
        "HOME": "/tmp",  # noqa: S108 -- in the image
    },
    ports=(5000,),
)
