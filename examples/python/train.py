"""Trains one command of the retrainer, for `retrainer worker --exec "python train.py"`. README.md says how it is run."""

import json
import os
import warnings
from copy import deepcopy
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import joblib
from scipy.ndimage import rotate
from sklearn.datasets import load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

warnings.simplefilter("ignore", ConvergenceWarning)  # each trial has the same few epochs, on purpose


def load(dataset):
    """Handwritten digits, to train on, to choose by and to test on; `digits?rotate=30` is the drift: they are seen turned."""
    angle = float(parse_qs(urlsplit(dataset or "").query).get("rotate", ["0"])[0])
    images, labels = load_digits(return_X_y=True)
    turned = rotate(images.reshape(-1, 8, 8) / 16, angle, axes=(1, 2), reshape=False, order=1).reshape(-1, 64)
    x, x_test, y, y_test = train_test_split(turned, labels, test_size=0.25, random_state=0, stratify=labels)
    x, x_choice, y, y_choice = train_test_split(x, y, test_size=0.25, random_state=0, stratify=y)
    return (x, y), (x_choice, y_choice), (x_test, y_test)


def file_of(models, model, version):
    return models / quote(f"{model}@{version}.joblib", safe="@")


def save(fitted, models, model, version):
    models.mkdir(parents=True, exist_ok=True)
    unfinished = models / f"{os.getpid()}.unfinished"
    joblib.dump(fitted, unfinished)
    unfinished.replace(file_of(models, model, version))  # whole or not at all, whenever this is killed


def train(command, models, report):
    """Tries the trials in their order and saves the best model in the folder `models`; returns the result."""
    training, choice, test = load(command["dataset"])
    file = file_of(models, command["model"], command["base_version"])
    base = joblib.load(file) if file.exists() else None
    fresh = MLPClassifier((32,), max_iter=10, n_iter_no_change=10_000, warm_start=True, random_state=0)
    start = base if base and command["action"] == "soft" else fresh  # soft: fine-tune it; full: from scratch
    best, best_accuracy, best_params = None, -1, None
    for step, trial in enumerate(command["trials"], 1):
        lr, batch_size = float(trial["values"]["lr"]), int(trial["values"]["batch_size"])
        model = deepcopy(start).set_params(learning_rate_init=lr, batch_size=batch_size).fit(*training)
        if (accuracy := model.score(*choice)) > best_accuracy:
            best, best_accuracy, best_params = model, accuracy, trial["values"]
        report({"step": step, "total": len(command["trials"]), "metrics": {"accuracy": accuracy}})
    # Named by the command's time: what is trained again after a crash is the same version again.
    version = "v" + "".join(filter(str.isdigit, str(command["issued_at"])))[:14]
    save(best, models, command["model"], version)
    metrics = {"accuracy": best.score(*test)} | ({"base_accuracy": base.score(*test)} if base else {})
    return {"new_version": version, "metrics": metrics, "best_params": best_params}


if __name__ == "__main__":
    command = json.loads(Path(os.environ["RETRAIN_COMMAND"]).read_text())
    # Each command has a folder of its own, where this runs. The models stand beside those: the next command finds its base.
    result = train(command, Path("..", "models"), lambda progress: print(json.dumps(progress), flush=True))
    print(json.dumps(result))
