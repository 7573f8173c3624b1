"What a person misspells or mislays is answered in one sentence that names what is valid; help is short and complete."
import os, re, subprocess, sys
import pytest
from fashion_repro.cli import main, parser

def say(capfd, *argv):
    status = main([str(a) for a in argv]); out, err = capfd.readouterr()
    return status, out, err

@pytest.mark.parametrize("argv,named", [
    (["reproduse"], ["reproduce", "doctor"]),
    (["reproduce", "--paper", "ifashoin"], ["did you mean 'ifashion'"]),
    (["reproduce", "--scale", "huge"], ["smoke, demo, paper"]),
    (["reproduce", "--seeds", "three"], ["0,1,2"]),
    (["reproduce", "--data", "wardrob", "--scale", "smoke"], ["did you mean 'wardrobe'", "fashion-products"]),
    (["reproduce", "--device", "gpu", "--scale", "smoke"], ["auto, cpu, cuda"]),
    (["reproduce", "--paper", "ifashion", "--table", "table99"], ["table3"]),
    (["reproduce", "--profile", "slurmm", "--scale", "smoke"], ["did you mean 'slurm'"]),
    (["reproduce", "--cores", "many"], ["invalid int value: 'many'"]),
    (["run", "ifashion/table99"], ["nbs/ifashion/table99_*.ipynb"]),
    (["run", "ifashion/table3", "scal=smoke"], ["did you mean 'scale'"]),
    (["run", "ifashion/table3", "seed=one"], ["of type int"]),
    (["run", "ifashion/table3", "seed"], ["name=value"]),
    (["train", "ifashion.atributes", "--row", "inception_bn"], ["did you mean 'ifashion.attributes'"]),
    (["train", "ifashion.attributes", "--row", "inception_bm"], ["did you mean 'inception_bn'", "small_cnn"]),
    (["train", "ifashion.attributes", "--row", "small_cnn", "--data", "wardrob"], ["did you mean 'wardrobe'"]),
    (["train", "ifashion.attributes", "--row", "small_cnn", "--set", "netwrok=small_cnn"], ["did you mean 'network'"]),
    (["train", "ifashion.attributes", "--row", "small_cnn", "--scale", "tiny"], ["smoke, demo, paper"]),
    (["data", "check", "wardrob"], ["did you mean 'wardrobe'"]),
    (["data", "check", "fashion-products", "--data-dir", "/no/such/archive.zip"], ["/no/such/archive.zip"]),
    (["data", "check", "catalogue"], ["--data-dir"]),
    (["data", "check", "catalogue", "--data-dir", "/no/such/table.csv"], ["/no/such/table.csv", ".parquet"]),
    (["data", "check", "wardrobe", "--defects", "/no/such/folder/bad.csv"], ["/no/such/folder/bad.csv"]),
    (["data", "columns", "/no/such/table.csv", "--image", "file"], ["/no/such/table.csv", ".parquet"]),
    (["data", "columns"], ["path"]),
    (["data", "show", "wardrobe", "--out", "/no/such/folder/sheet.png"], ["/no/such/folder/sheet.png"]),
    (["data", "cache", "--remove", "no-such-table"], ["no-such-table"]),
    (["attributes", "/no/such/run", "."], ["holds no pictures", ".jpg"]),
    (["attributes", "/no/such/run", __file__], ["/no/such/run", "mtss.student", ".onnx"]),
    (["attributes", "/no/such/run", "/no/such/picture.jpg"], ["/no/such/picture.jpg"]),
    (["attributes", "/no/such/student.onnx", __file__], ["/no/such/student.onnx", "fashion-repro export"]),
    (["attributes", "/no/such/run", __file__, "--box", "1,2,3"], ["x0,y0,x1,y1"]),
    (["attributes", "/no/such/run", __file__, "--k", "0"], ["--k", "at least 1"]),
    (["attributes", "/no/such/run"], ["IMAGE"]),
    (["caption", "/no/such/run", __file__], ["/no/such/run", "fame_vil.multitask"]),
    (["caption", "/no/such/run", "/no/such/picture.jpg"], ["/no/such/picture.jpg"]),
    (["caption", "/no/such/run", __file__, "--beams", "0"], ["--beams", "at least 1"]),
    (["caption", "/no/such/run"], ["IMAGE"]),
    (["export", "/no/such/run", "student.onnx"], ["/no/such/run"]),
    (["export", "/no/such/run"], ["FILE.onnx"]),
    (["search", "index", "wardrob", "--model", "/no/such/run"], ["did you mean 'wardrobe'"]),
    (["search", "index", "wardrobe", "--model", "/no/such/run"], ["/no/such/run", "record.json"]),
    (["search", "index", "wardrobe"], ["--model"]),
    (["search", "query", "/no/such/index", "red"], ["/no/such/index", "search index"]),
    (["search", "query", "/no/such/index", " "], ["the query is empty"]),
    (["search", "query", "/no/such/index", "/no/such/picture.jpg"], ["/no/such/picture.jpg"]),
    (["search", "query", "/no/such/index"], ["QUERY"]),
    (["search"], ["WHAT"]),
    (["ledger", "ifashon"], ["did you mean 'ifashion'", "fame_vil"]),
    (["ledger", "ifashion", "table99"], ["table3 (T3)"]),
    (["ledger", "ifashion", "figure4"], ["a figure prints no numbers", "X1 (in-text group recalls)"]),
    (["publish", "ifashion", "table99", "wardrobe", "demo"], ["table3"]),
], ids=lambda o: " ".join(o) if isinstance(o, list) and o[0] in parser().format_help() else "")
def test_one_sentence(capfd, argv, named, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FASHION_REPRO_CACHE", str(tmp_path/"cache"))
    status, out, err = say(capfd, *argv)
    assert status == 2
    assert err.startswith("fashion-repro: ") and err.count("\n") == 1, err
    for text in named: assert text in err

def test_a_bug_keeps_its_traceback(monkeypatch):
    import fashion_repro.cli as cli
    monkeypatch.setattr(cli, "dispatch", lambda argv: 1/0)
    with pytest.raises(ZeroDivisionError): cli.main([])

def test_ctrl_c_is_a_sentence(capfd, monkeypatch):
    import fashion_repro.cli as cli
    for said, words in ("", "what was finished is kept"), ("nothing was saved", "nothing was saved"):
        def pressed(argv): raise KeyboardInterrupt(said)
        monkeypatch.setattr(cli, "dispatch", pressed)
        assert cli.main([]) == 130
        assert capfd.readouterr().err == f"\nfashion-repro: stopped; {words}\n"

def test_help_names_every_command_and_option(capfd):
    text = parser().format_help()
    for command in "reproduce run train data attributes caption export search ledger publish doctor".split():
        assert re.search(rf"^    {command}\b", text, flags=re.M), command
        if command == "train": continue
        with pytest.raises(SystemExit) as e: main([command, "--help"])
        out = capfd.readouterr().out
        assert e.value.code == 0 and len(out) > 150
        assert "==SUPPRESS==" not in out and max(map(len, out.splitlines())) < 160

def test_help_of_data(capfd):
    named = dict(columns=["--image", "--group", "--text", "--not-annotated"], check=["--defects", "--decode", "--data-dir"], show=["--out"], cache=["--remove"])
    for what, options in named.items():
        with pytest.raises(SystemExit) as e: main(["data", what, "--help"])
        out = capfd.readouterr().out
        assert e.value.code == 0 and not [o for o in options if o not in out]

def test_train_help():
    r = subprocess.run([sys.executable, "-m", "fashion_repro.cli", "train", "--help"], capture_output=True, text=True)
    assert r.returncode == 0 and "ifashion.attributes" in r.stdout

def test_version(capfd):
    from fashion_repro import __version__
    with pytest.raises(SystemExit) as e: main(["--version"])
    assert e.value.code == 0 and capfd.readouterr().out.strip() == f"fashion-repro {__version__}"

def test_a_closed_pipe_is_no_error():
    r = subprocess.run(f"{sys.executable} -m fashion_repro.cli ledger ifashion | head -1", shell=True, capture_output=True, text=True)
    assert "ifashion" in r.stdout and r.stderr == ""

def test_check_of_the_wardrobe(capfd, tmp_path, monkeypatch):
    monkeypatch.setenv("FASHION_REPRO_CACHE", str(tmp_path/"cache"))
    status, out, _ = say(capfd, "data", "check", "wardrobe")
    assert status == 0 and "images of 110 products" in out and "Apache-2.0" in out
    status, out, _ = say(capfd, "data", "cache")
    assert status == 0 and "wardrobe/" in out and str(tmp_path) in out
    status, out, _ = say(capfd, "data", "cache", "--remove", "all")
    assert status == 0 and "0 tables" in out and not list((tmp_path/"cache").glob("*/*/table.arrow"))

def test_show_writes_a_picture(capfd, tmp_path, monkeypatch):
    monkeypatch.setenv("FASHION_REPRO_CACHE", str(tmp_path/"cache"))
    status, out, err = say(capfd, "data", "show", "wardrobe", "--out", tmp_path/"sheet.png")
    assert status == 0, err
    assert (tmp_path/"sheet.png").read_bytes().startswith(b"\x89PNG") and (tmp_path/"sheet.png").stat().st_size > 10_000

def test_check_of_the_real_products(capfd, tmp_path, monkeypatch, real_data):
    archive = real_data("fashion-product-images-small")/"archive.zip"
    monkeypatch.setenv("FASHION_REPRO_CACHE", str(tmp_path/"cache"))
    status, out, err = say(capfd, "data", "check", "fashion-products", "--data-dir", archive)
    assert status == 0, err
    assert "35,264 images" in out and "drawn from" not in out

@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_cache_that_cannot_be_written(capfd, tmp_path, monkeypatch):
    tmp_path.chmod(0o500); monkeypatch.setenv("FASHION_REPRO_CACHE", str(tmp_path/"cache"))
    status, _, err = say(capfd, "data", "check", "wardrobe")
    assert status == 2 and "FASHION_REPRO_CACHE" in err
