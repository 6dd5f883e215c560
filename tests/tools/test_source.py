"""Which model `kgc compile SOURCE` means, and what happens when the file does not say."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from kgc.compiler.errors import GraphError, KgcError
from kgc.tools.cli.failure import Failure
from kgc.tools.cli.source import open_model, split

ONE = """
import kgc
from kgc import layers

x = kgc.Input((4,), name="x")
model = kgc.Model(x, layers.Dense(2, name="head")(x), name="tiny")
again = model
"""
TWO = ONE + "other = kgc.Model(x, layers.Dense(3)(x), name='wide')\nnumber = 3\n"


@pytest.fixture
def file(tmp_path: Path):
    """Write a Python file into a folder of its own."""

    def write(text: str, name: str = "model.py") -> Path:
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def refused(source: str) -> str:
    with pytest.raises(Failure) as caught, open_model(source):
        pass
    return str(caught.value)


def test_the_only_model_needs_no_name(file) -> None:
    with open_model(str(file(ONE))) as model:
        assert model.name == "tiny"


@pytest.mark.parametrize(("name", "expected"), [("model", "tiny"), ("again", "tiny"), ("other", "wide")])
def test_a_name_chooses(file, name: str, expected: str) -> None:
    with open_model(f"{file(TWO)}:{name}") as model:
        assert model.name == expected


def test_several_models_are_listed(file) -> None:
    path = file(TWO)
    text = refused(str(path))
    assert f"{path} defines 2 models; say which:" in text
    assert f"{path}:model" in text and "'tiny'" in text
    assert f"{path}:other" in text and "'wide'" in text
    assert "again" not in text


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        (TWO, ":nothing", "has no 'nothing'; its models are:"),
        (TWO, ":number", "number is int, not a model; its models are:"),
        ("x = 1", "", "defines no model: assign one to a name"),
        ("x = 1", ":x", "x is int, not a model, and the file defines no model"),
        (TWO, ":a.b", "'a.b' is not a name"),
        ("x = 1\n\n1 / 0\n", "", "model.py:3: ZeroDivisionError: division by zero"),
        ("x = 1\nx = = 2\n", "", "model.py:2: SyntaxError: invalid syntax"),
        ("import sys\nsys.exit(3)", "", "model.py:2: the file exits when it is run"),
        ("def f():\n    import no_such_thing\nf()", "", "model.py:2: ModuleNotFoundError"),
    ],
)
def test_refused(file, text: str, name: str, message: str) -> None:
    assert message in refused(f"{file(text)}{name}")


def test_files_that_are_none(tmp_path: Path, file) -> None:
    assert "there is no file" in refused(str(tmp_path / "absent.py"))
    assert "there is no file" in refused(str(tmp_path / "absent.py:model"))
    assert "is not a file" in refused(str(tmp_path))
    assert "neither a .py nor a .keras file" in refused(str(file("", "model.txt")))
    assert "holds one model" in refused(f"{file('', 'model.keras')}:encoder")


def test_a_colon_may_be_part_of_a_file_name(file) -> None:
    path = file("x = 1", "a:b.py")
    assert split(str(path)) == (path, None)
    assert split(f"{path}:x") == (path, "x")


def test_an_error_in_the_model_names_the_users_line(file) -> None:
    path = file(ONE + "layers.Dense(2)(kgc.Input((None,)))\n")
    with pytest.raises(KgcError) as caught, open_model(str(path)):
        pass
    assert caught.value.where is not None
    assert (caught.value.where.file, caught.value.where.line) == (str(path), ONE.count("\n") + 1)


@pytest.mark.parametrize("call", ["fit(x, y)", "evaluate(x, y)", "predict(x)", "train_on_batch(x, y)"])
def test_training_at_import_names_the_line(file, call: str) -> None:
    script = ONE + (
        "import numpy as np\n"
        "x, y = np.zeros((8, 4), 'float32'), np.zeros((8, 2), 'float32')\n"
        "model.compile('sgd', 'mse')\n"
        f"model.{call}\n"
    )
    path = file(script)
    with pytest.raises(GraphError) as caught, open_model(str(path)):
        pass
    error = caught.value
    assert f"{call.partition('(')[0]}() was called while {path} was being read" in str(error)
    assert error.where is not None and error.where.line == script.count("\n")
    assert error.hint is not None and "__main__" in error.hint


def test_what_stands_under_main_is_not_run(file) -> None:
    with open_model(str(file(ONE + "if __name__ == '__main__':\n    model.fit()\n"))) as model:
        assert model.name == "tiny"


def test_the_file_is_a_module_of_its_folder_and_leaves_no_trace(file, capsys) -> None:
    file("size = 4\n", "sizes_of_the_test.py")
    path = file("import sys, sizes_of_the_test\nprint(__name__, sys.argv, __file__)\n" + ONE, "mine.py")
    before = list(sys.path), list(sys.argv)
    with open_model(str(path)):
        assert sys.modules["mine"].__file__ == str(path)
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", f"mine ['{path}'] {path}\n")
    assert (list(sys.path), list(sys.argv)) == before
    assert "mine" not in sys.modules
    sys.modules.pop("sizes_of_the_test")


def test_a_file_may_have_the_name_of_a_module(file) -> None:
    path = file(ONE, "random.py")
    import random

    with open_model(str(path)) as model:
        assert model.name == "tiny"
    assert sys.modules["random"] is random


def test_a_keras_file(file, tmp_path: Path) -> None:
    path = tmp_path / "saved.keras"
    with open_model(str(file(ONE))) as model:
        model.save(path)
    with open_model(str(path)) as loaded:
        assert loaded.name == "tiny"
        assert [weight.shape for weight in loaded.get_weights()] == [(4, 2), (2,)]
