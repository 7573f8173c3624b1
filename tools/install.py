"""Make the virtual environment from the lock: `python3 tools/install.py .venv [--lab]`.

Runs on any Python 3, to say in one sentence that it is too old. The stamp is written last and names the lock's
content and the environment's place: an interrupted install is done again, a moved or outdated one brought up to date."""
import hashlib, os, shutil, subprocess, sys

NEED_GB = 9
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

def stop(sentence):
    sys.stderr.write("fashion-repro: " + sentence + "\n")
    sys.exit(1)

def wanted(venv, lock):
    "What a finished install of `lock` in `venv` writes into its stamp."
    h = hashlib.sha256()
    for f in (lock, "bootstrap.lock", "settings.ini", "setup.py", "pyproject.toml"):
        with open(os.path.join(ROOT, f), "rb") as fh: h.update(fh.read())
    return venv + "\n" + h.hexdigest() + "\n"

def stamped(path):
    if not os.path.exists(path): return ""
    with open(path) as fh: return fh.read()

def uv_installs(python, lock):
    "Install with uv, itself pinned by hash; False when uv cannot be installed here (no wheel for this machine)."
    pip = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--require-hashes", "--only-binary", ":all:"]
    if subprocess.call(pip + ["-r", os.path.join(ROOT, "bootstrap.lock")]): return False
    uv = os.path.join(os.path.dirname(python), "uv")
    cmd = [uv, "pip", "install", "-q", "--python", python]
    subprocess.check_call(cmd + ["--require-hashes", "--compile-bytecode", "-r", lock])
    subprocess.check_call(cmd + ["--no-deps", "--no-build-isolation", "-e", ROOT])
    return True

def pip_installs(python, lock):
    "The same with pip alone: slower, equally pinned."
    print("== uv cannot be installed here: going on with pip, which takes some minutes longer")
    cmd = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    subprocess.check_call(cmd + ["--require-hashes", "-r", lock])
    subprocess.check_call(cmd + ["--no-deps", "--no-build-isolation", "-e", ROOT])

def main(venv, lab):
    if sys.version_info < (3, 11):
        stop("Python 3.11 or newer is needed and this is %d.%d (%s): run `make PYTHON=/path/to/python3.11 ...`" % (sys.version_info[:2] + (sys.executable,)))
    if not shutil.which("git"): stop("git is needed and was not found on PATH")
    venv = os.path.abspath(os.path.join(ROOT, venv))
    lock = os.path.join(ROOT, "requirements-lab.lock" if lab else "requirements.lock")
    stamp, lab_stamp, started = (os.path.join(venv, f) for f in (".stamp", ".stamp-lab", ".installing"))
    done = stamped(lab_stamp if lab else stamp) == wanted(venv, lock)
    if done and not os.path.exists(started): return
    if os.path.exists(started) or (stamped(stamp) and stamped(stamp).split("\n")[0] != venv):
        print("== %s was interrupted or moved: it is made anew" % os.path.relpath(venv)); shutil.rmtree(venv)
    new = not os.path.exists(os.path.join(venv, "bin", "python"))
    free = shutil.disk_usage(ROOT).free / 1e9
    if new and free < NEED_GB:
        stop("the packages need about %d GB and this disk has %.1f GB free: make room, or run `make VENV=/elsewhere/.venv ...`" % (NEED_GB, free))
    print("== installing %s into %s (once; one to five minutes and about 7 GB)" % (os.path.basename(lock), os.path.relpath(venv))); sys.stdout.flush()
    if not os.path.isdir(venv): os.makedirs(venv)
    open(started, "w").close()
    if new: subprocess.check_call([sys.executable, "-m", "venv", venv])
    python = os.path.join(venv, "bin", "python")
    if not uv_installs(python, lock): pip_installs(python, lock)
    for f in ([stamp, lab_stamp] if lab else [stamp]):
        with open(f, "w") as fh: fh.write(wanted(venv, lock if f == lab_stamp else os.path.join(ROOT, "requirements.lock")))
    os.remove(started)

if __name__ == "__main__":
    places = [a for a in sys.argv[1:] if not a.startswith("-")]
    try: main(places[0] if places else ".venv", "--lab" in sys.argv)
    except KeyboardInterrupt: stop("the install was interrupted; the next `make` makes it anew")
    except subprocess.CalledProcessError as e: stop("the install failed (see above) at `%s`" % " ".join(map(str, e.cmd[:6])))
