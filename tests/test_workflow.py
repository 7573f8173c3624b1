"The workflow end to end, on a toy paper in a checkout of its own: it runs, resumes, refuses, survives kills and tells."
import json, os, shutil, signal, subprocess, sys, time
import psutil, pytest
import toy

@pytest.fixture(scope="module")
def done(tmp_path_factory):
    "A checkout in which `reproduce --scale smoke` has run once, and what that said."
    folder = toy.checkout(tmp_path_factory.mktemp("toy")/"checkout")
    return folder, toy.say(folder, "reproduce", "--scale", "smoke", "--cores", 2)

def wait_for(seen, seconds=90):
    "Wait until `seen()` is true; its value."
    end = time.monotonic() + seconds
    while not (value := seen()):
        assert time.monotonic() < end, "waited in vain"
        time.sleep(.1)
    return value

def working_in(folder):
    "Processes with a command line of this checkout's jobs, or working in it."
    def inside(p):
        try: return p.pid != os.getpid() and p.status() != psutil.STATUS_ZOMBIE and p.cwd() == str(folder)
        except psutil.Error: return False
    return [p for p in psutil.process_iter() if inside(p)]

def counted(folder, run): return (folder/"runs/toy/table1/wardrobe-smoke"/run/"counted.txt").read_text().split()

def start(folder, *args):
    "As from a terminal: what starts the tests in the background may have told its children to ignore Ctrl-C."
    return subprocess.Popen(toy.command(folder, "reproduce", *args), cwd=folder, env=toy.environment(folder),
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
                            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))

@pytest.fixture
def counting(tmp_path):
    "A checkout in which two runs count for two minutes, longer than any test needs, and the process that started them."
    folder = toy.checkout(tmp_path/"checkout", slow="n: 40, pause: 3.0, ")
    process = start(folder, "--scale", "smoke", "--cores", "2")
    wait_for(lambda: len(list(folder.glob("runs/toy/table1/wardrobe-smoke/*-s0/counted.txt"))) == 2)
    time.sleep(1)
    yield folder, process
    if process.poll() is None: process.kill(); process.wait()
    for p in working_in(folder): p.kill()

def test_a_fresh_clone_runs_and_leaves_git_clean(done):
    folder, (status, out, err) = done
    assert status == 0, out + err
    assert set(toy.records(folder)) == {"fast-s0", "slow-s0"}              # the headline rows; `extra` waits for --all
    assert "2 runs for 2 tables" in out and "toy table1 starred: left out, it needs public.pth" in out      # a figure reads the table's runs and has none
    assert (folder/"runs/toy/figure1/wardrobe-smoke/table.csv").read_text() == (folder/"runs/toy/table1/wardrobe-smoke/table.csv").read_text()
    assert "runs/toy/table1/wardrobe-smoke/table1_counts.ipynb" in out
    assert (folder/"runs/toy/table1/wardrobe-smoke/table.csv").read_text().split() == ["fast,0,0.06", "slow,0,0.12"]
    status = subprocess.run(["git", "status", "--porcelain"], cwd=folder, capture_output=True, text=True).stdout
    assert status == ""
    assert str(folder) not in (folder/"runs/toy/table1/wardrobe-smoke/table1_counts.ipynb").read_text()

def test_nothing_changed_nothing_runs(done):
    folder, _ = done
    before = {p: p.stat().st_mtime_ns for p in folder.glob("runs/toy/**/*") if p.is_file()}
    status, out, err = toy.say(folder, "reproduce", "--scale", "smoke", "--cores", 2)
    assert status == 0, out + err
    assert before == {p: p.stat().st_mtime_ns for p in folder.glob("runs/toy/**/*") if p.is_file()}

@pytest.mark.slow
def test_what_changed_is_repeated_and_only_that(done):
    "Prose in the notebook repeats nothing; its code the table; a row's setting that run and the table."
    folder, _ = done
    nb = folder/"nbs/toy/table1_counts.ipynb"
    run, table = (lambda row: folder/f"runs/toy/table1/wardrobe-smoke/{row}-s0/record.json"), folder/"runs/toy/table1/wardrobe-smoke/table1_counts.ipynb"
    def repeated(edit):
        files = dict(fast=run("fast"), slow=run("slow"), table=table)
        before = {k: p.stat().st_mtime_ns for k, p in files.items()}
        edit(); status, out, err = toy.say(folder, "reproduce", "--scale", "smoke", "--cores", 2); assert status == 0, out + err
        return {k for k, p in files.items() if p.stat().st_mtime_ns != before[k]}
    def replace(path, a, b): text = path.read_text(); assert a in text; path.write_text(text.replace(a, b))
    assert repeated(lambda: replace(nb, "# Toy, table1", "# Counting")) == set()
    assert repeated(lambda: replace(nb, "'records'", "'rows'")) == {"table"}
    assert repeated(lambda: replace(folder/"fashion_repro/toy/experiments.yaml", "step: 2", "step: 4")) == {"slow", "table"}
    assert table.with_name("table.csv").read_text().split() == ["fast,0,0.06", "slow,0,0.24"]
    assert repeated(lambda: replace(folder/"fashion_repro/toy/counting.py", "recipe.n*recipe.step", "recipe.step*recipe.n*1.")) == {"fast", "slow", "table"}

def test_a_row_makes_what_it_uses_first(tmp_path):
    "A row that uses others, of its own table and of another; a figure that reads one row of a table and is made when it is asked for."
    folder = toy.checkout(tmp_path/"checkout", uses=True)
    run = lambda table, row: folder/f"runs/toy/{table}/wardrobe-smoke/{row}-s0/record.json"
    files = dict(pupil=run("table3", "pupil"), teacher=run("table3", "teacher"), extra=run("table1", "extra"))
    status, out, err = toy.say(folder, "reproduce", "--table", "table3", "--scale", "smoke", "--cores", 2)
    assert status == 0 and "3 runs for 1 tables" in out, out + err
    assert set(toy.records(folder)) == {"pupil-s0", "teacher-s0", "extra-s0"} and not list(folder.glob("runs/toy/figure3/*/*.ipynb"))
    assert files["pupil"].stat().st_mtime_ns > max(files["teacher"].stat().st_mtime_ns, files["extra"].stat().st_mtime_ns)
    before = {k: p.stat().st_mtime_ns for k, p in files.items()}
    status, out, err = toy.say(folder, "reproduce", "--table", "figure3", "--scale", "smoke", "--cores", 2)
    assert status == 0 and list(folder.glob("runs/toy/figure3/*/*.ipynb")) and before == {k: p.stat().st_mtime_ns for k, p in files.items()}, out + err
    yaml = folder/"fashion_repro/toy/experiments.yaml"; yaml.write_text(yaml.read_text().replace("step: 7", "step: 8"))
    status, out, err = toy.say(folder, "train", "toy.counting", "--row", "pupil", "--scale", "smoke")   # by hand, without the workflow
    assert status == 0 and {k for k, p in files.items() if p.stat().st_mtime_ns != before[k]} == {"pupil", "teacher"}, out + err

@pytest.mark.slow
def test_a_record_from_elsewhere_is_kept(done):
    "A run made by hand, of which Snakemake knows nothing, answers that it is finished instead of being made again."
    folder, _ = done
    folder_of = folder/"runs/toy/table1/wardrobe-smoke/extra-s0"
    status, out, err = toy.say(folder, "train", "toy.counting", "--row", "extra", "--table", "table1", "--scale", "smoke", "--out", folder_of)
    assert status == 0, out + err
    made = (folder_of/"record.json").stat().st_mtime_ns
    assert toy.say(folder, "reproduce", "--scale", "smoke", "--all", "--cores", 2)[0] == 0
    assert (folder_of/"record.json").stat().st_mtime_ns == made

def test_misspelt_parameter_stops_the_run(done):
    folder, _ = done
    status, _, err = toy.say(folder, "run", "toy/table1", "seeed=1")
    assert status == 2 and err.count("\n") == 1 and "did you mean 'seed'" in err and not (folder/"runs/by_hand").exists()
    status, out, err = toy.say(folder, "run", "toy/table1", "seed=1")
    assert status == 0, err
    cells = json.loads((folder/out.split(": ")[1].strip()).read_text())["cells"]
    assert "runs/by_hand/table1" in out and "/wardrobe-smoke/" in out
    assert any("seed = 1" in "".join(c["source"]) for c in cells)         # what was injected

def test_a_failure_stops_nothing_else_and_is_told(tmp_path):
    folder = toy.checkout(tmp_path/"checkout", broken=True)
    status, out, err = toy.say(folder, "reproduce", "--scale", "smoke", "--cores", 2)
    assert status == 1
    assert set(toy.records(folder)) == {"fast-s0", "slow-s0"} and (folder/"runs/toy/table1/wardrobe-smoke/table.csv").exists()
    assert "1 failed" in out and "run toy table2 broken s0: this row was told to fail" in out
    log = out.split("(log: ")[1].split(")")[0]
    assert "told to fail" in (folder/log).read_text()
    yaml = folder/"fashion_repro/toy/experiments.yaml"
    yaml.write_text(yaml.read_text().replace("fail: true", "fail: false"))
    status, out, err = toy.say(folder, "reproduce", "--scale", "smoke", "--cores", 2)                # mended: the rest is done
    assert status == 0 and "broken-s0" in toy.records(folder), out + err

def test_second_start_is_told_and_ctrl_c_says_what_is_kept(counting):
    folder, process = counting
    status, _, err = toy.say(folder, "reproduce", "--scale", "smoke")
    assert status == 2 and err.count("\n") == 1 and f"already running here (process {process.pid}" in err
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130 and "Traceback" not in err, err
    assert "of 2 runs are finished and kept" in out and "same command" in out
    wait_for(lambda: not working_in(folder), 20)

@pytest.mark.parametrize("signum", [signal.SIGKILL, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)], ids=["SIGKILL", "SIGTERM"])
def test_killed_workflow_takes_its_jobs_along_and_goes_on(counting, signum):
    folder, process = counting
    process.send_signal(signum); process.wait(timeout=60)
    wait_for(lambda: not working_in(folder), 20)                               # no orphan is left
    (folder/"hurry").touch()
    so_far = {run: len(counted(folder, run)) for run in ("fast-s0", "slow-s0")}
    status, out, err = toy.say(folder, "reproduce", "--scale", "smoke", "--cores", 2)   # nothing to unlock by hand
    assert status == 0, out + err
    for run, n in so_far.items():
        assert 1 <= n < 40 and counted(folder, run) == [str(i) for i in range(40)], run     # it went on where it was

@pytest.mark.slow
def test_a_killed_snakemake_is_noticed(counting):
    "Snakemake alone dies (out of memory): the rest is stopped and the exit status tells."
    folder, process = counting
    child = next(p for p in psutil.Process(process.pid).children() if "snakemake" in " ".join(p.cmdline()))
    child.kill()
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1 and "workflow itself was killed (SIGKILL)" in out, out + err
    wait_for(lambda: not working_in(folder), 20)

@pytest.mark.slow
def test_the_first_command_of_the_readme(tmp_path):
    "In a fresh clone, with nothing installed: runs, results, and a clean git status."
    folder = tmp_path/"clone"
    subprocess.run(["git", "clone", "-q", str(toy.root), str(folder)], check=True)
    r = subprocess.run(["make", "reproduce", "SCALE=smoke"], cwd=folder, env={**os.environ, "FASHION_REPRO_CACHE": str(tmp_path/"cache")},
                       capture_output=True, text=True, timeout=1500)
    assert r.returncode == 0, r.stdout + r.stderr
    made = {p.parent.name for p in folder.glob("runs/ifashion/table3/wardrobe-smoke/*/record.json")}
    assert made == {f"{o}-s0" for o in ("label_prior", "small_cnn", "inception_bn", "inception_v1", "inception_v3", "resnet101")} and "table3_baselines.ipynb" in r.stdout
    assert subprocess.run(["git", "status", "--porcelain"], cwd=folder, capture_output=True, text=True).stdout == ""

@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    "The built wheel, installed where no checkout is."
    d = tmp_path_factory.mktemp("wheel")
    src = d/"src"; src.mkdir()
    for f in ("settings.ini", "setup.py", "pyproject.toml", "README.md", "LICENSE"):
        if (toy.root/f).exists(): shutil.copy(toy.root/f, src/f)
    shutil.copytree(toy.root/"fashion_repro", src/"fashion_repro", ignore=shutil.ignore_patterns("__pycache__"))
    pip = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", d, src], check=True, capture_output=True)
    subprocess.run([*pip, "install", "--no-deps", "--no-compile", "--target", d/"site", next(d.glob("*.whl"))], check=True, capture_output=True)
    return d/"site"

def from_wheel(site, *args):
    return subprocess.run([sys.executable, "-m", "fashion_repro.cli", *args], cwd=site.parent, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(site)})

def test_wheel_reads_the_ledger(installed):
    r = from_wheel(installed, "ledger", "ifashion")
    assert r.returncode == 0, r.stderr
    assert "iMaterialist" in r.stdout and "Table 3: baselines" in r.stdout
    assert (installed/"fashion_repro/py.typed").exists()

@pytest.mark.parametrize("args", [("reproduce",), ("run", "ifashion/table3")], ids=lambda a: a[0])
def test_wheel_says_that_a_checkout_is_needed(installed, args):
    r = from_wheel(installed, *args)
    assert r.returncode == 2 and "checkout" in r.stderr and r.stderr.count("\n") == 1, r.stderr
