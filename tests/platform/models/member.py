"""What a team does with the real client; run inside MLflow's image. Prints what it has made."""

import json
import pathlib
import sys

import mlflow
from mlflow import MlflowClient

SECRET = sys.argv[1]
MODEL = pathlib.Path("/tmp/model.py")
MODEL.write_text(
    "import mlflow\n"
    "class Echo(mlflow.pyfunc.PythonModel):\n"
    "    def predict(self, context, model_input, params=None):\n"
    f"        return ['{SECRET}', *model_input]\n"
    "mlflow.models.set_model(Echo())\n"
)
client = MlflowClient()
experiment = mlflow.set_experiment("first")
client.set_experiment_tag(experiment.experiment_id, "note", SECRET)
with mlflow.start_run() as run:
    mlflow.log_param("rate", SECRET)
    mlflow.log_metric("loss", 0.25)
    mlflow.set_tag("note", SECRET)
    mlflow.log_text(SECRET, "notes/a.txt")
    model = mlflow.pyfunc.log_model(
        name="model", python_model=str(MODEL), pip_requirements=[], registered_model_name="echo"
    )
client.update_registered_model("echo", SECRET)
client.set_model_version_tag("echo", "1", "note", SECRET)
client.set_registered_model_alias("echo", "champion", "1")
version = client.get_model_version_by_alias("echo", "champion")
assert version.version == "1", version
folder = mlflow.artifacts.download_artifacts("models:/echo@champion")
assert (pathlib.Path(folder) / "MLmodel").is_file(), folder
loaded = mlflow.pyfunc.load_model("models:/echo@champion")
assert loaded.predict(["x"]) == [SECRET, "x"], loaded.predict(["x"])
assert mlflow.artifacts.load_text(f"{run.info.artifact_uri}/notes/a.txt") == SECRET


@mlflow.trace  # type: ignore[untyped-decorator]
def answer(question: str) -> str:
    return SECRET


answer(SECRET)
mlflow.flush_trace_async_logging()
(trace,) = mlflow.search_traces(return_type="list")
assessment = mlflow.log_feedback(trace_id=trace.info.trace_id, name="good", value=SECRET)
dataset = mlflow.genai.datasets.create_dataset(
    name="questions", experiment_id=[experiment.experiment_id], tags={"note": SECRET}
)
dataset.merge_records([{"inputs": {"question": SECRET}, "expectations": {"answer": SECRET}}])
mlflow.genai.register_prompt(name="ask", template=f"{SECRET} {{{{question}}}}")
print(
    json.dumps(
        {
            "experiment": experiment.experiment_id,
            "run": run.info.run_id,
            "logged_model": model.model_id,
            "trace": trace.info.trace_id,
            "assessment": assessment.assessment_id,
            "dataset": dataset.dataset_id,
            "artifacts": run.info.artifact_uri,
            "source": version.source,
            "location": client.get_model_version_download_uri("echo", "1"),
            "trace_location": trace.info.tags["mlflow.artifactLocation"],
        }
    )
)
