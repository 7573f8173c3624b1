"The scoring of Table 7, killed and started again."
import signal, subprocess, sys
from dataclasses import replace
from pathlib import Path
import numpy as np
import torch
from fashion_repro.data.demo import wardrobe

TYPES = ("sleeve", "pattern")

def table7_run(home, name):
    "The run of a row of Table 7 that reads the student in home/s."
    from fashion_repro.training.runs import Run
    (home/name).mkdir(exist_ok=True)
    return Run("mtss", "table7", "baseline", "wardrobe", "", "smoke", 0, "cpu", home/name, uses=(home/"s",))

def save_student(home, catalogue):
    from fashion_repro.mtss.networks import Student
    torch.manual_seed(0); types = {o: catalogue.groups[o] for o in TYPES}
    card = dict(recipe=dict(network="small_cnn", width=.25, embed_dim=8, crop="box", resize_px=32, input_px=28, predict_over="trained"))
    student = Student("small_cnn", .25, types, 8, {o: [True]*len(v) for o, v in types.items()}, card).eval()
    for k, v in enumerate(types.values()): student.get_buffer(f"dictionary_{k}").copy_(torch.randn(len(v), 8))
    student.save_pretrained(home/"s"/"model")

KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from test_robustness import recipe_of_test, table7_run, wardrobe
from fashion_repro.mtss import robustness
score, calls = robustness.type_scores, []
def dying(*a):
    calls.append(1)
    if len(calls) == 11: os.kill(os.getpid(), signal.SIGKILL)
    return score(*a)
robustness.type_scores = dying
robustness.train(recipe_of_test(), wardrobe(40), table7_run(Path({home!r}), 'killed'))
"""

def recipe_of_test():
    from fashion_repro.mtss.robustness import SMOKE
    return replace(SMOKE, images=6, severities=(1, 5))

def test_a_killed_scoring_goes_on_with_the_corruption_it_was_at(tmp_path):
    from fashion_repro.mtss import robustness
    catalogue = wardrobe(40); save_student(tmp_path, catalogue)
    code = KILLED.format(tests=str(Path(__file__).parent), home=str(tmp_path))
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).returncode == -signal.SIGKILL
    assert not (tmp_path/"killed"/"corrupted_test.npy").exists()
    calls, score = [], robustness.type_scores
    def counted(models, items, *a): calls.append(getattr(items, "version", None)); return score(models, items, *a)
    robustness.type_scores = counted
    try: again = robustness.train(recipe_of_test(), catalogue, table7_run(tmp_path, "killed"))
    finally: robustness.type_scores = score
    assert calls[0][:2] == ("glass_blur", 1) and len(calls) == 31 - 9                          # clean and four corruptions of two severities were kept
    assert again == robustness.train(recipe_of_test(), catalogue, table7_run(tmp_path, "whole"))
    assert (np.load(tmp_path/"killed"/"corrupted_test.npy") == np.load(tmp_path/"whole"/"corrupted_test.npy")).all()
