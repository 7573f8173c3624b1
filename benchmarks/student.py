"""What one student saves against its teachers, on one CPU thread: as ratios against a baseline measured in the same run.

    python benchmarks/student.py

ResNet-50 at a quarter of the width on pictures of 64 px (56 px seen), four types, embeddings of 128: the size of the runs on a CPU.
1. all types of a batch: the teachers one after another against the student alone. The paper's point is that this ratio is close to the number of types;
2. from decoded pictures to cosines: PyTorch as the package runs it against the exported file in onnxruntime, one picture and 32 at a time;
3. a training step of the student: teachers run on every batch against teacher embeddings computed before.
The variants of a comparison are timed in turn, several rounds over, in processor time, and the median round counts, so that a busy machine slows all of them alike.
"""
import statistics, sys, time

import numpy as np, torch

from fashion_repro.mtss.export import Deployed, named_classes, onnx_bytes, onnx_program, picture_scores
from fashion_repro.mtss.losses import distillation_loss
from fashion_repro.mtss.networks import Student, Teacher
from fashion_repro.mtss.onnx_attributes import load

BATCH, ROUNDS, TYPES, D = 32, 9, dict(garment=12, colour=14, pattern=8, sleeve=4), 128
CARD = dict(recipe=dict(resize_px=64, input_px=56, crop="none", predict_over="trained"))

def median_seconds(steps):
    "Name -> function; name -> median seconds of processor time of a call."
    seconds = {k: [] for k in steps}
    for step in steps.values(): step()                        # the first call allocates
    for _ in range(ROUNDS):
        for k, step in steps.items():
            start = time.process_time(); step(); seconds[k].append(time.process_time()-start)
    return {k: statistics.median(o) for k, o in seconds.items()}

def ratio(title, seconds, images, baseline):
    print(title)
    for k, s in seconds.items(): print(f"  {k:44}{images/s:9.0f} images/s{seconds[baseline]/s:8.2f}")

def networks():
    names = {t: [f"{t} {i}" for i in range(k)] for t, k in TYPES.items()}
    teachers = {t: Teacher("resnet50", .25, o, D).eval() for t, o in names.items()}
    return Student("resnet50", .25, names, D, card=CARD).take_dictionaries(teachers).eval(), list(teachers.values())

def forwards(student, teachers, images):
    with torch.no_grad():
        s = median_seconds({f"{len(teachers)} teachers": lambda: [t(images) for t in teachers], "student": lambda: student(images)})
    ratio(f"1. all types of {BATCH} pictures", s, BATCH, f"{len(teachers)} teachers")
    return s[f"{len(teachers)} teachers"]/s["student"]

def runtimes(student, images):
    names = [f"{t}/{o}" for t in student.types for o in ("scores", "values", "classes")]
    about = named_classes(student) | CARD["recipe"]
    file, pictures = load(onnx_bytes(onnx_program(Deployed(student), names), about), threads=1), list(images.permute(0, 2, 3, 1).numpy())
    pictures = [np.pad(o, ((4, 4), (4, 4), (0, 0)), mode="edge") for o in pictures]                 # 64 px, as they are stored
    for n in (1, BATCH):
        s = median_seconds({"PyTorch": lambda: picture_scores(student, pictures[:n]), "onnxruntime": lambda: file.outputs(pictures[:n])})
        ratio(f"2. decoded pictures to cosines, {n} at a time", s, n, "PyTorch")

def training(student, teachers, images):
    dictionaries = [t.dictionary.detach() for t in teachers]
    def embeddings():
        with torch.no_grad(): return [t(images) for t in teachers]
    def step(known=None):
        student.zero_grad(); distillation_loss(student.train()(images), known or embeddings(), dictionaries).sum().backward()
    cached = embeddings()
    s = median_seconds({"teachers in every step": step, "teacher embeddings known": lambda: step(cached)})
    ratio(f"3. a training step, {BATCH} pictures", s, BATCH, "teachers in every step")

def main():
    torch.set_num_threads(1); torch.manual_seed(0)
    student, teachers = networks()
    images = torch.randint(0, 256, (BATCH, 3, 56, 56), dtype=torch.uint8)
    gain = forwards(student, teachers, images)
    runtimes(student, images); training(student, teachers, images)
    print(f"one student for {len(TYPES)} types: {gain:.2f} times as fast as its teachers")
    return 0 if gain > .8*len(TYPES) else 1

if __name__ == "__main__": sys.exit(main())
