"""What somebody of another team is refused by the real client; run inside MLflow's image.

Prints, by what was tried, what came of it.
"""

import json
import sys
from collections.abc import Callable

import mlflow
from mlflow import MlflowClient

made = json.loads(sys.argv[1])
client = MlflowClient()
run, version = made["run"], {"name": "echo", "version": "1"}
attempts: dict[str, Callable[[], object]] = {
    "read experiment": lambda: client.get_experiment(made["experiment"]),
    "read run": lambda: client.get_run(run),
    "write run": lambda: client.log_metric(run, "loss", 9.0),
    "tag run": lambda: client.set_tag(run, "note", "mine"),
    "delete run": lambda: client.delete_run(run),
    "list artifacts": lambda: client.list_artifacts(run),
    "read artifact": lambda: mlflow.artifacts.load_text(f"{made['artifacts']}/notes/a.txt"),
    "write artifact": lambda: client.log_text(run, "mine", "notes/a.txt"),
    "read model": lambda: client.get_registered_model("echo"),
    "read version": lambda: client.get_model_version(**version),
    "write version": lambda: client.update_model_version(**version, description="mine"),
    "delete version": lambda: client.delete_model_version(**version),
    "read alias": lambda: client.get_model_version_by_alias("echo", "champion"),
    "move alias": lambda: client.set_registered_model_alias("echo", "champion", "1"),
    "delete model": lambda: client.delete_registered_model("echo"),
    "download model": lambda: mlflow.artifacts.download_artifacts("models:/echo@champion"),
    "load logged model": lambda: mlflow.pyfunc.load_model(f"models:/{made['logged_model']}"),
    "take model over": lambda: (
        client.create_registered_model("mine"),
        client.create_model_version("mine", made["location"]),
    ),
    "read trace": lambda: client.get_trace(made["trace"]),
    "read dataset": lambda: mlflow.genai.datasets.get_dataset(dataset_id=made["dataset"]),
    "read prompt": lambda: mlflow.genai.load_prompt("prompts:/ask/1"),
}
found = {}
for name, attempt in attempts.items():
    try:
        found[name] = f"done: {attempt()!r}"
    except Exception as error:  # noqa: BLE001 -- which one is what is asked
        found[name] = f"{getattr(error, 'error_code', type(error).__name__)}: {error}"
searches = {
    "experiments": client.search_experiments(),
    "runs": client.search_runs([made["experiment"]]),
    "models": [one for one in client.search_registered_models() if one.name != "mine"],
    "versions": client.search_model_versions(),
    "logged models": client.search_logged_models(experiment_ids=[made["experiment"]]),
    "traces": client.search_traces(experiment_ids=[made["experiment"]]),
}
seen = {name: [repr(one) for one in results] for name, results in searches.items()}
print(json.dumps({"attempts": found, "seen": seen}))
