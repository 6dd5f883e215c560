"""Training that goes on from a file: the same numbers as the model's own, without its code or its optimizer."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import kgc
from kgc import layers
from kgc.compiler.errors import ArgumentError, ArtifactError, DataError, GraphError, ShapeError
from kgc.runtime.artifact import container
from kgc.runtime.store import STORE


def rows(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).standard_normal(shape, np.float32)


X, LABELS = rows(12, 6), np.arange(12, dtype="int32") % 3


def classifier(optimizer: Any = "adam", drop: float = 0.0) -> Any:
    x = kgc.Input((6,), name="x")
    y = layers.BatchNormalization(name="bn")(layers.Dense(8, activation="relu", name="hidden")(x))
    y = layers.Dropout(drop)(y) if drop else y
    model = kgc.Model(x, layers.Dense(3, activation="softmax", name="head")(y), name="net")
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def line(optimizer: Any, **how: Any) -> Any:
    x = kgc.Input((6,), name="x")
    model = kgc.Model(x, layers.Dense(2, name="head", **how)(x), name="line")
    model.compile(optimizer, "mse")
    return model


def carried(model: Any, folder: Path, **how: Any) -> Any:
    model.export(folder / "m.kgc", platforms=(), training=True)
    return kgc.load(folder / "m.kgc", **how)


def alike(model: Any, loaded: Any, x: Any, y: Any, steps: int = 3) -> None:
    """Some steps of both give the same logs and outputs, to the bit."""
    for _ in range(steps):
        assert loaded.train_on_batch(x, y) == model.train_on_batch(x, y, return_dict=True)
    np.testing.assert_array_equal(loaded(x), model(x))


def test_steps_are_those_of_the_model(tmp_path: Path) -> None:
    model = classifier(drop=0.5)
    model.fit(X, LABELS, batch_size=6, epochs=1, verbose=0)
    loaded = carried(model, tmp_path)
    np.testing.assert_array_equal(loaded(X), model(X))
    assert loaded.iterations == 2 and loaded.learning_rate == pytest.approx(1e-3)
    model.reset_metrics()
    alike(model, loaded, X[:6], LABELS[:6])
    loaded.learning_rate = model.optimizer.learning_rate = 0.5
    alike(model, loaded, X, LABELS)  # another batch size, and dropout that draws on
    assert loaded.iterations == 8


def test_fit_is_that_of_the_model(tmp_path: Path) -> None:
    kgc.utils.set_random_seed(3)
    model = classifier(kgc.optimizers.SGD(0.1, momentum=0.9, use_ema=True, ema_momentum=0.5), drop=0.5)
    model.fit(X, LABELS, batch_size=6, epochs=1, verbose=0)
    loaded = carried(model, tmp_path)
    history = model.fit(X, LABELS, batch_size=6, epochs=2, verbose=0).history
    assert loaded.fit(X, LABELS, batch_size=6, epochs=2) == history
    np.testing.assert_array_equal(loaded(X), model(X))  # averages are in the weights' place


def test_goes_on_from_what_it_has_written(tmp_path: Path) -> None:
    model = classifier()
    loaded = carried(model, tmp_path)
    alike(model, loaded, X, LABELS, 2)
    loaded.export(tmp_path / "further.kgc")
    again = kgc.load(tmp_path / "further.kgc")
    np.testing.assert_array_equal(again(X), loaded(X))
    assert again.verify() == 0
    model.reset_metrics()
    alike(model, again, X, LABELS, 2)
    assert str(again.signature) == str(loaded.signature)


_OURS = {"full", "dim_size", "stop_gradient"}


def test_a_step_under_a_transformation_changes_nothing(tmp_path: Path) -> None:
    loaded = carried(line("sgd"), tmp_path)
    y = rows(12, 2)
    loaded.train_on_batch(X, y)
    before = np.asarray(loaded(X))
    with pytest.raises(GraphError, match="assigned inside"):
        jax.jit(lambda x: loaded.train_on_batch(x, y))(X)
    assert loaded.iterations == 1
    np.testing.assert_array_equal(loaded(X), before)


def test_a_step_replaces_all_arrays_at_once(tmp_path: Path) -> None:
    class Interrupted(dict[str, Any]):
        def __setitem__(self, name: str, value: Any) -> None:
            raise KeyboardInterrupt  # as Python may between any two of them

    loaded = carried(line("adam"), tmp_path)
    loaded.train_on_batch(X, rows(12, 2))
    loaded._training.values = Interrupted(loaded._training.values)
    loaded.train_on_batch(X, rows(12, 2))
    assert loaded.iterations == 2


def test_no_step_of_another_thread_comes_into_an_export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free: list[bool] = []
    write = container.write

    def watched(*given: Any) -> None:
        other = threading.Thread(target=lambda: free.append(STORE.lock.acquire(blocking=False)))
        other.start()
        other.join()
        write(*given)

    monkeypatch.setattr(container, "write", watched)
    line("sgd").export(tmp_path / "m.kgc", platforms=(), training=True)
    assert free == [False]


def test_an_interrupted_fit_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = carried(line("sgd"), tmp_path)
    y = rows(12, 2)
    loaded.train_on_batch(X, y)
    training = loaded._training
    before = dict(training.runs)

    def interrupted(*given: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(training, "step", interrupted)
        loaded.fit(X, y)
    assert training.runs == {**before, "fit": before["fit"] + 1}


def test_signature_and_ir(tmp_path: Path) -> None:
    loaded = carried(classifier(), tmp_path)
    assert str(loaded.signature) == (
        "x: float32[b, 6] -> head: float32[b, 3]; trains on head: int32[b] -> loss, accuracy"
    )
    graph = loaded._ready().graph
    names = {value.name for value in graph.state}
    assert {"hidden.kernel", "bn.moving_mean"} <= names and any("learning_rate" in name for name in names)
    assert all(node.op.name.startswith("lax.") or node.op.name in _OURS for node in graph.nodes)
    assert graph.inputs[0].type.symbols  # any batch size


def test_in_a_fresh_process_without_the_frontend(tmp_path: Path) -> None:
    model = classifier()
    model.export(tmp_path / "m.kgc", platforms=(), training=True)
    np.savez(tmp_path / "data.npz", x=X, y=LABELS)
    code = (
        "import sys\nsys.modules['kgc.frontend'] = None\nimport kgc, json, numpy as np\n"
        f"net, data = kgc.load({str(tmp_path / 'm.kgc')!r}), np.load({str(tmp_path / 'data.npz')!r})\n"
        "logs = [net.train_on_batch(x=data['x'], y=data['y']) for _ in range(3)]\n"
        f"np.save({str(tmp_path / 'y.npy')!r}, net(data['x']))\n"
        "print(json.dumps(logs))\n"
        "print([name for name in sys.modules if name.startswith('kgc.frontend.')])\n"
        "print({'optax', 'h5py', 'rich'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=120, env={**os.environ}
    )
    wanted = [model.train_on_batch(X, LABELS, return_dict=True) for _ in range(3)]
    assert done.stdout.splitlines()[1:] == ["[]", "set()"], done.stderr
    assert eval(done.stdout.splitlines()[0]) == wanted
    np.testing.assert_array_equal(np.load(tmp_path / "y.npy"), model(X))


OPTIMIZERS = {
    "accumulating": lambda: kgc.optimizers.Adam(0.1, gradient_accumulation_steps=2, clipnorm=0.5),
    "scheduled": lambda: kgc.optimizers.RMSprop(kgc.optimizers.schedules.ExponentialDecay(0.1, 2, 0.5), momentum=0.9),
    "scaled": lambda: kgc.optimizers.LossScaleOptimizer(kgc.optimizers.AdamW(0.1), dynamic_growth_steps=2),
    "adagrad": lambda: kgc.optimizers.Adagrad(0.1, weight_decay=0.1),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_every_optimizer_of_ours(tmp_path: Path, name: str) -> None:
    constraint = kgc.constraints.MaxNorm(0.7)
    model = line(OPTIMIZERS[name](), kernel_regularizer="l2", kernel_constraint=constraint)
    loaded = carried(model, tmp_path)
    alike(model, loaded, X, rows(12, 2))
    if name == "scheduled":
        for use in (lambda: loaded.learning_rate, lambda: setattr(loaded, "learning_rate", 1.0)):
            with pytest.raises(ArgumentError, match="follows a schedule"):
                use()


def test_metrics_begin_as_they_say(tmp_path: Path) -> None:
    class Largest(kgc.metrics.Metric):
        def __init__(self) -> None:
            super().__init__(name="largest")
            self.seen = self.add_variable((), initializer="zeros", name="seen")

        def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
            self.seen.assign(kgc.ops.maximum(self.seen, kgc.ops.max(y_pred)))

        def result(self) -> Any:
            return self.seen.value

        def reset_state(self) -> None:
            self.seen.assign(-100.0)

    model = line("sgd")
    model.compile("sgd", "mse", metrics=[Largest()])
    model.reset_metrics()
    model.train_on_batch(X, rows(12, 2))
    seen = model.metrics[-1].result()
    loaded = carried(model, tmp_path)
    assert model.metrics[-1].result() == seen
    model.reset_metrics()
    alike(model, loaded, X - 9, rows(12, 2), 1)
    assert loaded.fit(X - 9, rows(12, 2), 12)["largest"] == [float(loaded._training.values["largest.seen"])]
    assert loaded.fit(X, rows(12, 2), 12)["largest"][0] != 0.0


def test_rolled_models_go_on_unrolled(tmp_path: Path) -> None:
    x = kgc.Input((4,), name="x")
    y = x
    for _ in range(6):
        y = layers.Add()([y, layers.Dense(4, activation="tanh")(y)])
    model = kgc.Model(x, y)
    model.compile(kgc.optimizers.SGD(0.1, momentum=0.9), "mse", roll="always")
    data, target = rows(8, 4), rows(4, 8).T
    model.train_on_batch(data, target)
    loaded = carried(model, tmp_path)
    model.reset_metrics()
    for _ in range(3):
        found, wanted = loaded.train_on_batch(data, target), model.train_on_batch(data, target, return_dict=True)
        assert found == pytest.approx(wanted, rel=1e-5)
    np.testing.assert_allclose(loaded(data), model(data), rtol=1e-5, atol=1e-6)


def test_frozen_layers_stay(tmp_path: Path) -> None:
    model = classifier()
    model.get_layer("hidden").trainable = False
    loaded = carried(model, tmp_path)
    assert "hidden.kernel" in {value.name for value in loaded._ready().graph.params}
    alike(model, loaded, X, LABELS, 2)


def test_open_sizes_and_several_targets(tmp_path: Path) -> None:
    ids = kgc.Input((None,), dtype="int32", name="ids")
    y = layers.GRU(4, name="gru")(layers.Embedding(9, 5, mask_zero=True)(ids))
    model = kgc.Model(ids, {"a": layers.Dense(1, name="left")(y), "b": layers.Dense(2, name="right")(y)})
    model.compile("sgd", {"a": "mse", "b": "mae"})
    loaded = carried(model, tmp_path)
    assert [str(spec) for spec in loaded.signature.targets] == ["left: float32[b, 1]", "right: float32[b, 2]"]
    for length in (3, 5):
        x = np.random.default_rng(0).integers(0, 9, (4, length)).astype("int32")
        left, right = rows(4, 1), rows(4, 2)
        wanted = model.train_on_batch(x, {"a": left, "b": right}, return_dict=True)
        given: Any = {"left": left[:, 0], "right": right} if length == 3 else [left, right]
        found = loaded.train_on_batch(x, given)
        assert found == pytest.approx(wanted, rel=1e-6)
    with pytest.raises(DataError, match="other targets"):
        loaded.train_on_batch(x, left)


def test_own_gradient_rules_are_in_the_step(tmp_path: Path) -> None:
    @jax.custom_vjp
    def halved(x: Any) -> Any:
        return jnp.sin(x)

    halved.defvjp(lambda x: (jnp.sin(x), x), lambda x, g: (g * 0.5,))

    class Halved(layers.Layer):
        def call(self, x: Any) -> Any:
            return jnp.asarray(halved(x)) + 0.0

    x = kgc.Input((6,), name="x")
    model = kgc.Model(x, Halved()(layers.Dense(2)(x)))
    model.compile(kgc.optimizers.SGD(0.5), "mse")
    with pytest.raises(ArtifactError, match="trust=True"):
        carried(model, tmp_path)  # the model itself calls the function
    loaded = kgc.load(tmp_path / "m.kgc", trust=True)
    assert not [node for node in loaded._ready().graph.nodes if node.op.name == "extern"]
    alike(model, loaded, X, rows(12, 2))


def test_refused(tmp_path: Path) -> None:
    path = tmp_path / "m.kgc"
    with pytest.raises(ArgumentError, match="optax transformation"):
        classifier(optax.adam(1e-3)).export(path, training=True)
    x = kgc.Input((3,), name="x")
    with pytest.raises(GraphError, match="must be compiled"):
        kgc.Model(x, layers.Dense(2)(x)).export(path, training=True)

    class Printing(layers.Layer):
        def call(self, x: Any, training: bool = False) -> Any:
            if training:
                jax.debug.print("{}", x)
            return jnp.sin(x)

    model = kgc.Model(x, layers.Dense(2)(Printing()(x)))
    model.compile("sgd", "mse")
    with pytest.raises(GraphError, match="on the host") as caught:
        model.export(path, training=True)
    assert caught.value.where is not None and "debug.print" in caught.value.where.describe()
    assert not path.exists()
    model.export(path, platforms=())
    with pytest.raises(AttributeError, match="training=True"):
        kgc.load(path).train_on_batch(rows(2, 3), rows(2, 2))
    with pytest.raises(AttributeError, match="training=True"):
        kgc.load(path).learning_rate = 0.1


def test_wrong_data(tmp_path: Path) -> None:
    loaded = carried(classifier(), tmp_path)
    for x, y, error, says in (
        (X[:, :5], LABELS, ShapeError, "input 'x'"),
        (X, LABELS[:5], DataError, "different lengths"),
        (X, None, DataError, "other targets"),
        (X, rows(12, 3, 3), ShapeError, "input 'head'"),
    ):
        with pytest.raises(error, match=says):
            loaded.train_on_batch(x, y)
    with pytest.raises(ArgumentError, match="epochs"):
        loaded.fit(X, LABELS, epochs=-1)
    with pytest.raises(ArgumentError, match="a number"):
        loaded.learning_rate = "fast"
