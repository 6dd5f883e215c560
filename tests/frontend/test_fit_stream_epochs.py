"""fit on generators, data sets and loaders: epochs, steps, validation, how it ends, and what is shown."""

from __future__ import annotations

import io
import signal
import threading
import time
from contextlib import redirect_stdout

import numpy as np
import pytest

import kgc
from kgc.compiler.errors import ArgumentError

from .streaming import (
    BATCHES,
    KINDS,
    A,
    B,
    Data,
    DataLoader,
    L,
    R,
    TFDataset,
    X,
    Y,
    endless,
    losses,
    net,
    several,
)  # fmt: skip

# Epochs and steps


class Told(kgc.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.seen = []

    def on_train_begin(self, logs=None):
        self.steps = (self.params or {})["steps"]

    def on_epoch_begin(self, epoch, logs=None):
        self.seen.append([])

    def on_train_batch_end(self, batch, logs=None):
        self.seen[-1].append(batch)


def test_a_generator_goes_on_from_epoch_to_epoch():
    """One iterator for all epochs, and not a batch more than is used."""
    read, told = [], Told()
    found = losses(endless(read), steps_per_epoch=2, epochs=3, callbacks=[told])
    assert read == [0, 1, 2, 0, 1, 2]
    assert told.seen == [[0, 1]] * 3 and told.steps == 2
    assert found == losses(TFDataset(BATCHES * 2), steps_per_epoch=2, epochs=3)


def test_two_fits_share_a_generator():
    read = []
    generator, model = endless(read), net()
    model.fit(generator, steps_per_epoch=2, verbose=0)
    model.fit(generator, steps_per_epoch=2, verbose=0)
    assert read == [0, 1, 2, 0]


def test_a_generator_that_ends_ends_the_training():
    told = Told()
    with pytest.warns(UserWarning, match="ended after 1 epoch, and the training with them") as caught:
        history = net().fit(iter(BATCHES), epochs=3, verbose=0, callbacks=[told])
    assert told.seen == [[0, 1, 2]] and told.steps is None
    assert history.epoch == [0] and caught[0].filename == __file__


def test_too_few_batches_for_the_steps_of_an_epoch():
    with pytest.warns(UserWarning, match="ran out after 1 of 2 steps; the epoch ends here"):
        history = net().fit(DataLoader(BATCHES), steps_per_epoch=2, epochs=3, verbose=0)
    assert history.epoch == [0, 1, 2]
    with pytest.warns(UserWarning, match="ran out after 3 of 5 steps; the evaluation ends here"):
        net().evaluate(iter(BATCHES), steps=5, verbose=0)
    with pytest.warns(UserWarning, match="ran out after 3 of 5 steps; the prediction ends here"):
        assert net().predict(iter(BATCHES), steps=5, verbose=0).shape == (12, 1)


def test_steps_of_evaluate_and_predict():
    model = net()
    wanted = model.evaluate(X[:8], Y[:8], batch_size=4, verbose=0)
    assert model.evaluate(endless(), steps=2, verbose=0) == wanted
    assert model.predict(endless(), steps=4, verbose=0).shape == (16, 1)


def test_a_data_set_is_told_and_shuffled():
    """Recorded from Keras 3.15.1 but for the first batch, which it reads once more beforehand."""
    data = Data(BATCHES * 3)
    kgc.utils.set_random_seed(3)
    net().fit(data, epochs=2, verbose=0)
    assert data.told == [("begin", 0), ("end", 9), ("begin", 9), ("end", 18)]
    first, second = data.read[:9], data.read[9:]
    assert sorted(first) == sorted(second) == list(range(9)) and first != second
    again = Data(BATCHES * 3)
    kgc.utils.set_random_seed(3)
    net().fit(again, epochs=2, verbose=0)
    assert again.read == data.read
    plain = Data()
    net().fit(plain, shuffle=False, verbose=0)
    assert plain.read == [0, 1, 2]


def test_a_data_set_goes_on_where_the_epoch_ended():
    """Recorded from Keras 3.15.1."""
    data = Data([*BATCHES, BATCHES[0]])
    with pytest.warns(UserWarning, match="ran out after 1 of 3"):
        net().fit(data, epochs=3, steps_per_epoch=3, shuffle=False, verbose=0)
    assert data.read == [0, 1, 2, 3, 0, 1, 2]
    assert data.told == [("begin", 0), ("end", 3), ("begin", 3), ("end", 4), ("begin", 4), ("end", 7)]


# Validation


def test_validation_data_of_every_kind():
    wanted = losses(X, Y, validation_data=(X, Y), validation_batch_size=4, epochs=2, shuffle=False)
    for kind, made in KINDS.items():
        found = losses(X, Y, validation_data=made(), epochs=2, shuffle=False)
        assert found == wanted, kind
    found = losses(iter([(X, Y)]), validation_data=iter(BATCHES))
    assert found == {name: values[:1] for name, values in wanted.items()}


def test_lists_of_arrays_are_no_lists_of_batches():
    def validated(data):
        return several().fit([A, B], [L, R], validation_data=data, shuffle=False, verbose=0).history

    assert validated([(A, B), (L, R)]) == validated(([A, B], [L, R]))


def test_validation_steps():
    read = []
    losses(X, Y, validation_data=endless(read), validation_steps=2, epochs=2)
    assert read == [0, 1, 2, 0], "a generator goes on"
    data = Data()
    losses(X, Y, validation_data=data, validation_steps=2, epochs=2)
    assert data.read == [0, 1, 0, 1], "a data set begins anew, and in its own order"


def test_validation_that_ends_early_does_not_end_the_training():
    with pytest.warns(UserWarning, match="this epoch is not validated"):
        found = losses(X, Y, validation_data=iter(BATCHES[:2]), validation_steps=2, epochs=2)
    assert len(found["loss"]) == 2 and len(found["val_loss"]) == 1


def test_a_generator_is_validation_data_once():
    assert len(losses(X, Y, validation_data=iter(BATCHES), epochs=2, validation_freq=2)["val_loss"]) == 1
    generator = iter(BATCHES)
    with pytest.raises(ArgumentError, match="can be read once, and fit\\(\\) validates 2 times"):
        losses(X, Y, validation_data=generator, epochs=2)
    assert len(list(generator)) == 3, "and nothing was taken from it"


# Errors, interrupts, threads


def test_an_error_of_the_generator_is_the_users():
    def bad():
        yield BATCHES[0]
        raise KeyError("mine")

    model = net()
    before = model.get_weights()
    with pytest.raises(KeyError, match="mine") as caught:
        model.fit(bad(), verbose=0)
    assert caught.traceback[-1].frame.code.name == "bad"
    assert not np.array_equal(before[0], model.get_weights()[0]), "the first step stays"


def test_ctrl_c_between_batches_keeps_the_last_step():
    def interrupted():
        yield BATCHES[0]
        signal.raise_signal(signal.SIGINT)
        yield BATCHES[1]

    model = net()
    with pytest.raises(KeyboardInterrupt):
        model.fit(interrupted(), verbose=0)
    left = model.get_weights()[0]
    net().fit(iter(BATCHES[:1]), verbose=0)
    np.testing.assert_array_equal(left, model.get_weights()[0])


@pytest.mark.parametrize("end", ["all", "stop", "error", "interrupt"])
def test_no_thread_is_left(end):
    class End(kgc.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if end == "stop":
                self.model.stop_training = True
            elif end != "all":
                raise KeyboardInterrupt if end == "interrupt" else ValueError

    data = Data(BATCHES * 20, workers=3)
    error = {"error": ValueError, "interrupt": KeyboardInterrupt}.get(end)
    if error is None:
        net().fit(data, verbose=0, callbacks=[End()])
    else:
        with pytest.raises(error):
            net().fit(data, verbose=0, callbacks=[End()])
    left = None
    for _ in range(200):
        left = [thread for thread in threading.enumerate() if thread.name.startswith("kgc data")]
        if not left:
            break
        time.sleep(0.01)
    assert not left


# What is shown


def shown(run):
    out = io.StringIO()
    with redirect_stdout(out):
        run()
    return out.getvalue()


def test_an_unknown_number_of_steps_is_known_from_the_second_epoch_on():
    bars = []

    class Look(kgc.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            bars.append(bar._bar.target)

    bar = kgc.callbacks.ProgbarLogger()
    data = DataLoader(BATCHES, sized=False)
    text = shown(lambda: net().fit(data, epochs=2, verbose=1, callbacks=[bar, Look()]))
    assert bars == [None] * 3 + [3] * 3
    assert text.count("3/3 ━") == 2
    assert "4/4 ━" in shown(lambda: net().predict(endless(), steps=4, verbose=1))
