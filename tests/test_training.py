"""Training runs in processes of their own: killed, stopped, several at once, on a full disk, orphaned."""
import json, multiprocessing, random, signal, socket, subprocess, sys, time
import psutil, pytest, torch
import train_points
from fashion_repro.errors import UserError
from fashion_repro.training.closure import closure_hash
from fashion_repro.training.record import SCHEMA, check_record

FORKS = multiprocessing.get_context('forkserver')   # imports torch once for all runs
FORKS.set_forkserver_preload(['fashion_repro.training.fit', 'fashion_repro.training.runs', 'torch._dynamo'])
BY_KILL, BY_TERM = -signal.SIGKILL, 128 + signal.SIGTERM

class Start:
    "A run in `processes` processes; `options` are those of train_points.train."
    def __init__(self, folder, processes=1, env={}, **options):
        self.result, self.log = folder/f'{time.monotonic_ns()}.json', folder/'log.txt'
        options, port = dict(options, result=str(self.result)), str(free_port())
        envs = [dict(env, RANK=str(r), LOCAL_RANK=str(r), WORLD_SIZE=str(processes), LOCAL_WORLD_SIZE=str(processes),
            MASTER_ADDR='127.0.0.1', MASTER_PORT=port) if processes > 1 else env for r in range(processes)]
        self.processes = [FORKS.Process(target=train_points.run, args=(options, e, str(self.log) + str(r)*(r > 0))) for r,e in enumerate(envs)]
        for p in self.processes: p.start()

    def end(self, status=0, within=20):
        "Wait; the result, or the log when the run was to end with another status."
        for p in self.processes: p.join(within)
        for p in self.processes:
            if p.is_alive(): p.kill()                                 # its exit code tells
        for p in self.processes: p.join()
        assert [p.exitcode for p in self.processes] == [status]*len(self.processes), self.log.read_text()
        return json.loads(self.result.read_text()) if status == 0 else self.log.read_text()

def train(folder, status=0, **options): return Start(folder, **options).end(status)

def free_port():
    with socket.socket() as s: s.bind(('127.0.0.1', 0)); return s.getsockname()[1]

def same(a, b): assert all(a[k] == b[k] for k in ('weights', 'rng', 'history')), (a['history'], b['history'])

def near(a, b, eps): assert max(abs(p-q) for p,q in zip(a['values'], b['values'], strict=True)) < eps

def newest(out): return {p.name: p.read_bytes() for p in sorted((out/'ckpt').glob('0*'))[-1].iterdir()}

@pytest.fixture(scope='module')
def whole(tmp_path_factory): return train(tmp_path_factory.mktemp('whole'))     # 16 steps, 4 an epoch, 4 evaluations

@pytest.mark.parametrize('workers', [0, 2])
def test_killed_at_any_step_ends_with_the_same_bits(tmp_path, whole, workers):
    rng = random.Random(workers)
    options = dict(out=str(tmp_path/'run'), workers=workers, checkpoint_s=0, nap=.01, lock=True)
    for _ in range(3): train(tmp_path, BY_KILL, kill_at=rng.randint(3, 6), **options)    # the lock must be free at once
    result = train(tmp_path, **options)
    same(result, whole)
    assert result['calls'] < 16                                       # it did go on
    same(train(tmp_path, kill_at=1, **options), whole)                # finished: not a step more

@pytest.mark.parametrize('stop_at', [1, 6, 13])
def test_sigterm_keeps_the_step_in_hand(tmp_path, whole, stop_at):
    said = train(tmp_path, BY_TERM, out=str(tmp_path/'run'), stop_at=stop_at)
    assert said == f'fashion-repro: stopped at step {stop_at} of 16; start again to go on\n'
    result = train(tmp_path, out=str(tmp_path/'run'), workers=2)      # loader processes have no say in the result
    same(result, whole)
    assert result['calls'] == 16 - stop_at

@pytest.mark.parametrize('file', [3, 4])                              # tensors, values of the second checkpoint
def test_killed_while_writing_a_checkpoint(tmp_path, whole, file):
    train(tmp_path, BY_KILL, out=str(tmp_path/'run'), die_writing=file)
    assert json.loads(newest(tmp_path/'run')['state.json'])['step'] == 4
    same(train(tmp_path, out=str(tmp_path/'run')), whole)

def test_early_stopping_survives(tmp_path):
    options = dict(evals=16, patience=2)
    whole = train(tmp_path, **options)
    assert 3 <= len(whole['history']) < 16
    train(tmp_path, BY_TERM, out=str(tmp_path/'run'), stop_at=len(whole['history'])-1, **options)
    same(train(tmp_path, out=str(tmp_path/'run'), **options), whole)

def test_processes_and_micro_batches_change_nothing(tmp_path):
    options = dict(parts=True, n=33, epochs=7)                        # 21 steps of 11 items: never the same number in each process
    one = train(tmp_path, **options)
    two = train(tmp_path, processes=2, **options)
    four = train(tmp_path, accumulate=4, **options)
    both = train(tmp_path, processes=2, accumulate=8, **options)      # six micro-batches, the last for one process only
    for other in (two, four, both):
        near(one, other, 1e-5)
        assert [r['images'] for r in one['history']] == [r['images'] for r in other['history']]
        for k in ('loss', 'right', 'score'): assert [r[k] for r in one['history']] == pytest.approx([r[k] for r in other['history']], abs=1e-4)

def test_two_processes_stop_and_go_on_together(tmp_path):
    options = dict(processes=2, n=33, epochs=7)                       # with dropout: each process has its own random numbers
    whole = train(tmp_path, **options)
    said = train(tmp_path, BY_TERM, out=str(tmp_path/'run'), stop_at=8, **options)    # only the first is told
    assert 'stopped at step 8 of 21' in said
    rest = train(tmp_path, out=str(tmp_path/'run'), **options)
    near(whole, rest, 1e-6)
    assert rest['calls'] == 13

def test_what_the_first_process_refuses_all_refuse(tmp_path):
    assert train(tmp_path, 2, processes=2, refuse=True) == 'fashion-repro: no\n'
    assert (tmp_path/'log.txt1').read_text() == 'fashion-repro: no\n'

@pytest.fixture
def small_disk(tmp_path):
    "A disk of its own that can be filled and made read-only; where mounting is refused, errors of the system are imitated."
    disk = tmp_path/'disk'; disk.mkdir()
    mounted = subprocess.run(['mount', '-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk], capture_output=True).returncode == 0
    def fill():
        with open(disk/'filler', 'wb') as f:
            while True: f.write(bytes(1024)); f.flush()
    def full():
        if not mounted: return dict(fail='ENOSPC')
        with pytest.raises(OSError): fill()
        return {}
    def read_only():
        if not mounted: return dict(fail='EROFS')
        subprocess.run(['mount', '-o', 'remount,ro', disk], check=True); return {}
    yield disk, full, read_only
    if mounted: subprocess.run(['umount', disk], check=True)

@pytest.mark.parametrize('trouble,sentence', [('full', 'no space left on the disk of'), ('read_only', 'cannot be written')])
def test_disk_trouble_is_one_sentence(tmp_path, whole, small_disk, trouble, sentence):
    disk, full, read_only = small_disk
    train(tmp_path, BY_TERM, out=str(disk/'run'), stop_at=6)
    before = newest(disk/'run')
    cause = full() if trouble == 'full' else read_only()
    said = train(tmp_path, 2, out=str(disk/'run'), **cause).splitlines()
    assert said[0] == 'going on at step 6 of 16' and sentence in said[1] and len(said) == 2
    assert newest(disk/'run') == before
    if trouble == 'full':
        (disk/'filler').unlink(missing_ok=True)
        same(train(tmp_path, out=str(disk/'run')), whole)

def test_a_run_ends_with_its_owner(tmp_path):
    owner = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])
    me = f'{owner.pid}:{psutil.Process(owner.pid).create_time()}'
    run = Start(tmp_path, env=dict(FASHION_REPRO_OWNER=me), out=str(tmp_path/'run'), nap=.1, epochs=1000, evals=1, workers=2)
    (first,) = run.processes
    while not (tmp_path/'run'/'progress.json').exists() and first.is_alive(): time.sleep(.05)
    family = psutil.Process(first.pid).children()
    assert len(family) == 2
    owner.kill(); start = time.monotonic()                            # and not waited for: a zombie is dead
    first.join(10)
    assert time.monotonic() - start < 3                               # 2 s, and some for a busy machine
    assert first.exitcode == BY_TERM and (tmp_path/'run'/'ckpt').exists()
    assert psutil.wait_procs(family, timeout=3)[1] == []
    owner.wait()

def test_loader_processes_end_with_a_killed_run(tmp_path):
    (run,) = Start(tmp_path, out=str(tmp_path/'run'), nap=.1, epochs=1000, evals=1, workers=2).processes
    while not (tmp_path/'run'/'progress.json').exists() and run.is_alive(): time.sleep(.02)   # both loaders are at work
    family = psutil.Process(run.pid).children()
    run.kill(); run.join()
    assert len(family) == 2 and psutil.wait_procs(family, timeout=2)[1] == []

def test_nothing_is_left_behind(tmp_path):
    assert train(tmp_path, workers=2)['threads'] == ['MainThread']
    me = psutil.Process()                        # its children are the servers that fork the runs; runs and loaders are theirs
    left = [p for p in me.children(recursive=True) if p.ppid() != me.pid and p.status() != psutil.STATUS_ZOMBIE]
    assert not left, [p.cmdline() for p in left]

def test_closure_hash_sees_code_and_not_words(tmp_path, monkeypatch):
    (tmp_path/'hashed_toy'/'room').mkdir(parents=True)
    def write(name, text): (tmp_path/'hashed_toy'/name).write_text(text)
    write('__init__.py', ''); write('room/__init__.py', '')
    write('room/run.py', 'def f():\n    from ..deep import g\n    return g()\n'); write('deep.py', 'def g(): return 1\n')
    monkeypatch.syspath_prepend(tmp_path)
    first = closure_hash('hashed_toy.room.run')
    write('deep.py', '"Words."\ndef g():\n    "More words."\n    return 1   # and a comment\n')
    assert closure_hash('hashed_toy.room.run') == first
    write('deep.py', 'def g(): return 2\n')
    assert closure_hash('hashed_toy.room.run') != first

def test_record_has_exactly_the_schema():
    examples = {str: 'x', int: 1, dict: dict(f1=.5), list: [], bool: False}
    record = {k: examples[kind[0] if isinstance(kind, tuple) else kind] for k,kind in SCHEMA.items()}
    assert check_record(record) == record
    for broken in ({k: v for k,v in record.items() if k != 'code'}, dict(record, note='x'), dict(record, metrics=dict(f1=float('nan')))):
        with pytest.raises(UserError): check_record(broken)

@pytest.mark.skipif(not torch.cuda.is_available(), reason='no GPU')
def test_gpu_goes_on(tmp_path):
    whole = train(tmp_path, device='cuda')
    train(tmp_path, BY_TERM, out=str(tmp_path/'run'), stop_at=6, device='cuda')
    near(whole, train(tmp_path, out=str(tmp_path/'run'), device='cuda'), 1e-2)
