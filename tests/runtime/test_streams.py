"""Loaders of every kind as sources: what is a loader, how often and in which thread it is read, how it is closed."""

from __future__ import annotations

import threading
import time
import traceback

import numpy as np
import pytest

from kgc.compiler.errors import ArgumentError
from kgc.runtime.data.batches import Batch, stacked
from kgc.runtime.data.loaders import Indexed, is_loader, is_single_pass, loader
from kgc.runtime.data.streams import StreamSource


def batch(item, number):
    return Batch(x=(np.array([item, number]),), y=(), weights=(), rows=1)


def source(x, **options) -> StreamSource:
    return StreamSource(loader(x, **options), batch)


def items(batches):
    return [int(b.x[0][0]) for b in batches]


class DataSet:
    """Items 0, 10, 20, … by number."""

    def __init__(self, count=4, **attributes):
        self.count, self.told, self.threads = count, [], set()
        self.__dict__.update(attributes)

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        self.threads.add(threading.current_thread().name)
        self.read(index)
        return index * 10

    def read(self, index):
        pass

    def on_epoch_begin(self):
        self.told.append("begin")

    def on_epoch_end(self):
        self.told.append("end")


class Loader:
    """Iterated anew each epoch, as a torch DataLoader; over a stream, it does not know its length."""

    def __init__(self, count=3, sized=True):
        self.count, self.sized = count, sized

    def __iter__(self):
        return iter(range(self.count))

    def __len__(self):
        if not self.sized:
            raise TypeError("object of type 'Stream' has no len()")
        return self.count


class Restarting:
    """An iterator that begins anew at every `iter`."""

    def __iter__(self):
        self.at = 0
        return self

    def __next__(self):
        self.at += 1
        if self.at > 2:
            raise StopIteration
        return self.at


class Tensor:
    """A number of TensorFlow's."""

    def __init__(self, value):
        self.value = value

    def numpy(self):
        return np.int64(self.value)


class TFData:
    """What tf.data.Dataset has."""

    def __init__(self, cardinality):
        self._cardinality = cardinality

    element_spec = None

    def cardinality(self):
        return Tensor(self._cardinality)

    def __len__(self):
        if self._cardinality < 0:
            raise TypeError("the dataset is infinite or of unknown length")
        return self._cardinality

    def __iter__(self):
        raise AssertionError("tensors of TensorFlow's are not wanted")

    def as_numpy_iterator(self):
        return iter(range(3))


@pytest.mark.parametrize(
    "x",
    [(i for i in "ab"), iter([1]), Loader(), DataSet(), TFData(3), map(int, "1"), Restarting()],
    ids=lambda x: type(x).__name__,
)
def test_what_gives_batches(x):
    assert is_loader(x)


class Frame:
    shape = (2, 2)

    def __iter__(self):
        return iter("ab")


@pytest.mark.parametrize(
    "x", [None, [1], (1,), {"a": 1}, "text", b"", 3.0, np.ones(2), np.float32(1), Frame(), DataSet, np.matrix]
)
def test_what_are_arrays_or_nothing(x):
    assert not is_loader(x)


def test_how_many_there_are():
    assert source(Loader()).steps == 3
    assert source(Loader(sized=False)).steps is None
    assert source(i for i in range(3)).steps is None
    assert source(DataSet(5)).steps == 5
    assert source(TFData(3)).steps == 3
    known = {count: loader(TFData(count)) for count in (3, -1, -2)}
    assert [(found.steps, found.endless) for found in known.values()] == [(3, False), (None, True), (None, False)]


class Endless(DataSet):
    num_batches = None


def test_a_data_set_may_be_endless():
    assert loader(Endless()).endless and loader(Endless()).steps is None
    taken = source(Endless()).batches(0)
    assert [int(next(taken).x[0][0]) for _ in range(6)] == [0, 10, 20, 30, 40, 50]


def test_what_can_be_read_again():
    for x, wanted in ((Loader(), [0, 1, 2]), (TFData(3), [0, 1, 2]), (DataSet(2), [0, 10]), (Restarting(), [1, 2])):
        stream = source(x)
        assert items(stream.batches(0)) == items(stream.batches(1)) == wanted
        assert not is_single_pass(x)


def test_a_generator_goes_on_and_is_never_closed():
    generator = (i for i in range(6))
    stream = source(generator)
    assert stream.once and is_single_pass(generator)
    first = stream.batches(0)
    assert [int(next(first).x[0][0]) for _ in range(2)] == [0, 1]
    stream.close()
    assert items(stream.batches(1)) == [2, 3, 4, 5]
    assert items(stream.batches(2)) == []
    assert next(generator, "used up") == "used up"


def test_an_iterator_made_for_a_pass_is_closed():
    closed = []

    class Files:
        def __iter__(self):
            try:
                yield from range(5)
            finally:
                closed.append(True)

    stream = source(Files())
    next(stream.batches(0))
    stream.close()
    assert closed == [True]


def test_peeking_takes_nothing_away():
    for x, first in ((DataSet(3), 0), ((i for i in (7, 8)), 7), (Loader(), 0)):
        stream = source(x)
        assert int(stream.peek(0).x[0][0]) == int(stream.peek(0).x[0][0]) == first
        numbers = [b.x[0].tolist() for b in stream.batches(0)]
        assert numbers[0] == [first, 0] and [number for _, number in numbers] == list(range(len(numbers)))
    assert source(iter(())).peek(0) is None


def test_a_data_set_hears_of_each_epoch_once():
    data = DataSet(2)
    stream = source(data)
    stream.peek(0)
    for epoch in range(2):
        stream.begin_epoch()
        assert items(stream.batches(epoch)) == [0, 10]
        stream.end_epoch()
    assert data.told == ["begin", "end", "begin", "end"]


def test_batches_of_a_data_set_are_shuffled_by_address():
    def generator(*address):
        return np.random.default_rng(len(address) + address[-1])

    def order(epoch):
        return items(source(DataSet(20), shuffle=True, generator=generator, address=("shuffle", 0)).batches(epoch))

    assert order(0) == order(0) != order(1)
    assert sorted(order(0)) == list(range(0, 200, 10))


# Threads


def threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith("kgc data")]


def wait_for_no_threads():
    for _ in range(200):
        if not threads():
            return True
        time.sleep(0.01)
    return False


@pytest.mark.parametrize(("workers", "elsewhere"), [(0, False), (1, False), (2, True)])
def test_workers_read_in_their_own_threads(workers, elsewhere):
    data = DataSet(20, workers=workers, max_queue_size=4)
    assert items(source(data).batches(0)) == list(range(0, 200, 10))
    assert all(name.startswith("kgc data") == elsewhere for name in data.threads)
    assert wait_for_no_threads()


def test_workers_read_no_further_than_the_queue():
    data = DataSet(50, workers=2, max_queue_size=4)
    read = []
    data.read = read.append
    stream = source(data)
    next(stream.batches(0))
    time.sleep(0.05)
    assert 1 <= len(read) <= 5
    stream.close()
    assert wait_for_no_threads()


@pytest.mark.parametrize("how", ["closed", "dropped", "error", "read by half, then an interrupt"])
def test_threads_end_with_the_pass(how):
    stream = source(DataSet(100, workers=3))
    taken = stream.batches(0)
    next(taken)
    assert threads()
    if how == "closed":
        stream.close()
    elif how == "dropped":
        del taken, stream
    elif how == "error":
        stream._read = lambda item, number: 1 / 0
        with pytest.raises(ZeroDivisionError):
            next(taken)
        stream.close()
    else:
        with pytest.raises(KeyboardInterrupt):
            taken.throw(KeyboardInterrupt)
        stream.close()
    assert wait_for_no_threads()


class Failing(DataSet):
    def __getitem__(self, index):
        if index == 2:
            raise KeyError("no such file")  # the user's line
        return index


def failing():
    yield 0
    raise KeyError("no such file")  # the user's line


@pytest.mark.parametrize("x", [Failing(), Failing(workers=2), failing()], ids=["in turn", "threads", "generator"])
def test_an_error_of_the_users_code_shows_the_users_line(x):
    stream = source(x)
    with pytest.raises(KeyError, match="no such file") as caught:
        list(stream.batches(0))
    assert any("# the user's line" in str(frame.line) for frame in traceback.extract_tb(caught.tb))
    stream.close()
    assert wait_for_no_threads()


def test_processes_are_refused():
    with pytest.raises(ArgumentError, match="does not start processes"):
        Indexed(DataSet(use_multiprocessing=True), False, None, ())


# Several steps as one


def one(*shape, weight=True, form=None):
    array = np.ones(shape)
    return Batch(x=(array,), y=(array[:, 0],), weights=(array[:, 0] if weight else None,), rows=shape[0], form=form)


def test_batches_are_stacked():
    made = stacked([one(2, 3), one(2, 3), one(2, 3)])
    assert [leaf.shape for leaf in (*made.x, *made.y, *made.weights)] == [(3, 2, 3), (3, 2), (3, 2)]
    assert (made.rows, made.steps) == (6, 3)
    assert stacked([one(2, 3, weight=False)] * 2).weights == (None,)


@pytest.mark.parametrize("other", [one(1, 3), one(2, 4), one(2, 3, weight=False), one(2, 3, form=object())])
def test_only_batches_of_one_kind_are_stacked(other):
    assert stacked([one(2, 3), other]) is None
