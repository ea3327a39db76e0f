"""Tests of train.py by itself: python test_train.py"""

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from train import train

LIKELY, HOPELESS = {"lr": "0.01", "batch_size": "32"}, {"lr": "0.00001", "batch_size": "64"}


def command(action="full", base=None, dataset="digits", at="2026-11-29T09:30:00.123Z", trials=(HOPELESS, LIKELY)):
    """What train.py reads of a command."""
    trials = [{"number": number, "values": values} for number, values in enumerate(trials)]
    names = {"command_id": "c1", "model": "vision/digits", "action": action, "base_version": base}
    return names | {"dataset": dataset, "issued_at": at, "trials": trials}


class Train(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.reports = []

    def train(self, **changes):
        return train(command(**changes), self.folder / "models", self.reports.append)

    def test_a_model_gets_better_after_drift(self):
        first = self.train()
        self.assertGreater(first["metrics"]["accuracy"], 0.9)
        drifted = {"base": first["new_version"], "dataset": "digits?rotate=30", "at": "2026-11-30T09:30:00Z"}
        for action in "soft", "full":
            metrics = self.train(action=action, **drifted)["metrics"]
            self.assertLess(metrics["base_accuracy"], 0.6, f"{action}: no drift to speak of")
            self.assertGreater(metrics["accuracy"], 0.9, action)

    def test_what_did_not_drift_is_known_to_the_base(self):
        base = self.train()
        same = self.train(action="soft", base=base["new_version"], at="2026-11-30T09:30:00Z")
        self.assertEqual(same["metrics"]["base_accuracy"], base["metrics"]["accuracy"])

    def test_soft_goes_on_from_the_base_and_full_begins_anew(self):
        base = self.train()["new_version"]
        soft = self.train(action="soft", base=base, trials=[HOPELESS], at="2026-11-30T09:30:00Z")
        full = self.train(action="full", base=base, trials=[HOPELESS], at="2026-12-01T09:30:00Z")
        self.assertGreater(soft["metrics"]["accuracy"], 0.9)
        self.assertLess(full["metrics"]["accuracy"], 0.5)

    def test_a_base_that_was_not_trained_here_is_trained_anew(self):
        result = self.train(action="soft", base="v5.4")
        self.assertGreater(result["metrics"]["accuracy"], 0.9)
        self.assertNotIn("base_accuracy", result["metrics"])

    def test_trials_are_tried_in_their_order_and_the_best_one_wins(self):
        result = self.train(trials=[LIKELY, HOPELESS])
        self.assertEqual([(r["step"], r["total"]) for r in self.reports], [(1, 2), (2, 2)])
        first, second = (r["metrics"]["accuracy"] for r in self.reports)
        self.assertGreater(first, second)
        self.assertEqual(result["best_params"], LIKELY)

    def test_the_same_command_gives_the_same_version_again(self):
        self.assertEqual(self.train(), self.train())
        self.assertEqual(len(list((self.folder / "models").iterdir())), 1)

    def test_the_program_prints_progress_and_the_result_as_json_lines(self):
        work = self.folder / "c1"
        work.mkdir()
        (work / "command.json").write_text(json.dumps(command()))
        program = [sys.executable, Path(__file__).with_name("train.py").resolve()]
        environment = os.environ | {"RETRAIN_COMMAND": str(work / "command.json")}
        run = subprocess.run(program, cwd=work, env=environment, capture_output=True, text=True, check=True)
        *progress, result = map(json.loads, run.stdout.splitlines())
        self.assertEqual([set(line) for line in progress], [{"step", "total", "metrics"}] * 2)
        self.assertEqual(result, self.train())  # in the process as by the program
        self.assertEqual(run.stderr, "")


if __name__ == "__main__":
    unittest.main(warnings="ignore")  # the runner would show again what train.py has hidden
