"""Metrics of counts, curves and scores: numbers by hand, state in `fit`, configs, and what is refused."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

import kgc
from kgc import metrics
from kgc.compiler.errors import ArgumentError, GraphError, KgcError, ShapeError

RNG = np.random.default_rng(0)
TRUE = RNG.integers(0, 2, (40, 3)).astype("float32")
SCORE = np.clip(RNG.random((40, 3)) + 0.2 * TRUE, 0, 1).astype("float32")
WEIGHT = RNG.random(40).astype("float32")


def tallies(threshold: float, weight: np.ndarray | None = None) -> dict[str, float]:
    found, w = threshold < SCORE, np.ones((40, 1)) if weight is None else weight[:, None]
    yes = TRUE == 1
    return {
        "TruePositives": float((w * (found & yes)).sum()),
        "FalsePositives": float((w * (found & ~yes)).sum()),
        "TrueNegatives": float((w * (~found & ~yes)).sum()),
        "FalseNegatives": float((w * (~found & yes)).sum()),
    }


def in_batches(metric: Any, true: Any = TRUE, score: Any = SCORE, weight: Any = None) -> np.ndarray:
    for part in (slice(0, 7), slice(7, 30), slice(30, 40)):
        metric.update_state(true[part], score[part], sample_weight=None if weight is None else weight[part])
    return np.asarray(metric.result())


@pytest.mark.parametrize("kind", ["TruePositives", "FalsePositives", "TrueNegatives", "FalseNegatives"])
@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_counts(kind: str, weight: Any) -> None:
    several = in_batches(getattr(metrics, kind)(thresholds=[0.2, 0.5, 0.9]), weight=weight)
    np.testing.assert_allclose(several, [tallies(t, weight)[kind] for t in (0.2, 0.5, 0.9)], rtol=1e-5)
    one = in_batches(getattr(metrics, kind)(), weight=weight)
    assert one.shape == () and one == pytest.approx(tallies(0.5, weight)[kind], rel=1e-5)


def test_precision_and_recall() -> None:
    counted = tallies(0.5, WEIGHT)
    true, wrong, missed = (counted[name] for name in ("TruePositives", "FalsePositives", "FalseNegatives"))
    precision, recall = metrics.Precision(), metrics.Recall()
    assert in_batches(precision, weight=WEIGHT) == pytest.approx(true / (true + wrong), rel=1e-5)
    assert in_batches(recall, weight=WEIGHT) == pytest.approx(true / (true + missed), rel=1e-5)
    precision.reset_state()
    assert float(precision.result()) == 0.0
    one = metrics.Recall(class_id=1, thresholds=0.4)
    yes, found = TRUE[:, 1] == 1, SCORE[:, 1] > 0.4
    assert in_batches(one) == pytest.approx((yes & found).sum() / yes.sum())


def test_the_first_k_of_each_sample() -> None:
    first = np.argsort(-SCORE, -1)[:, :2]
    found = np.zeros_like(TRUE, bool)
    np.put_along_axis(found, first, True, -1)
    assert in_batches(metrics.Precision(top_k=2)) == pytest.approx(TRUE[found].mean())
    assert in_batches(metrics.Precision(top_k=2, class_id=2)) == pytest.approx(TRUE[:, 2][found[:, 2]].mean())
    assert in_batches(metrics.Precision(top_k=2, thresholds=0.6)) == pytest.approx(TRUE[found & (SCORE > 0.6)].mean())
    with pytest.raises(ShapeError, match="top_k: the last axis has fewer than 4 elements"):
        metrics.Precision(top_k=4)(TRUE, SCORE)


def test_the_area_is_the_share_of_pairs_in_order() -> None:
    yes, no = SCORE[TRUE == 1], SCORE[TRUE == 0]
    share = (yes[:, None] > no).mean() + 0.5 * (yes[:, None] == no).mean()
    assert in_batches(metrics.AUC(num_thresholds=4000)) == pytest.approx(share, abs=1e-3)
    logits = np.log(SCORE.clip(1e-6, 1 - 1e-6)) - np.log1p(-SCORE.clip(1e-6, 1 - 1e-6))
    assert in_batches(metrics.AUC(num_thresholds=4000, from_logits=True), TRUE, logits) == pytest.approx(
        share, abs=1e-3
    )
    apart = [in_batches(metrics.AUC(), TRUE[:, i], SCORE[:, i]) for i in range(3)]
    assert in_batches(metrics.AUC(multi_label=True)) == pytest.approx(np.mean(apart), rel=1e-5)
    weighed = in_batches(metrics.AUC(multi_label=True, label_weights=[1, 0, 3]))
    assert weighed == pytest.approx((apart[0] + 3 * apart[2]) / 4, rel=1e-5)


def test_scores() -> None:
    labels = RNG.integers(0, 3, 40)
    score = RNG.random((40, 3)).astype("float32")  # SCORE has several largest numbers in a row
    hot, found = np.eye(3, dtype="float32")[labels], score.argmax(-1)
    f1 = []
    for c in range(3):
        both, either = ((labels == c) & (found == c)).sum(), (labels == c).sum() + (found == c).sum()
        f1.append(2 * both / either)
    np.testing.assert_allclose(in_batches(metrics.F1Score(), hot, score), f1, rtol=1e-5)
    assert in_batches(metrics.F1Score("macro"), hot, score) == pytest.approx(np.mean(f1), rel=1e-5)
    assert in_batches(metrics.F1Score("micro"), hot, score) == pytest.approx((labels == found).mean(), rel=1e-5)
    y, p = RNG.normal(size=(40, 2)).astype("float32"), RNG.normal(size=(40, 2)).astype("float32")
    wanted = 1 - ((y - p) ** 2).sum(0) / ((y - y.mean(0)) ** 2).sum(0)
    np.testing.assert_allclose(in_batches(metrics.R2Score(None), y, p), wanted, rtol=1e-4)
    assert in_batches(metrics.RootMeanSquaredError(), y, p) == pytest.approx(np.sqrt(((y - p) ** 2).mean()), rel=1e-5)


def test_among_the_first_k() -> None:
    labels = RNG.integers(0, 3, 40)
    right = (np.argsort(-SCORE, -1)[:, :2] == labels[:, None]).any(-1).mean()
    assert in_batches(metrics.SparseTopKCategoricalAccuracy(k=2), labels) == pytest.approx(right)
    assert in_batches(metrics.TopKCategoricalAccuracy(k=2), np.eye(3)[labels]) == pytest.approx(right)
    ids = np.argsort(-SCORE, -1)
    assert in_batches(metrics.SparseTopKCategoricalAccuracy(2, from_sorted_ids=True), labels, ids) == pytest.approx(
        right
    )


def test_state_made_at_the_first_batch_lives_in_fit() -> None:
    inputs = kgc.Input((3,))
    model = kgc.Model(inputs, kgc.layers.Activation("linear")(inputs))
    made = [metrics.F1Score("macro"), metrics.AUC(multi_label=True, name="auc"), "precision", "root_mean_squared_error"]
    model.compile(loss="mse", metrics=made)
    first = model.evaluate(SCORE, TRUE, batch_size=16, verbose=0, return_dict=True)
    assert model.evaluate(SCORE, TRUE, batch_size=8, verbose=0, return_dict=True) == pytest.approx(first)
    assert first["f1_score"] == pytest.approx(float(metrics.F1Score("macro")(TRUE, SCORE)), rel=1e-5)
    assert first["auc"] == pytest.approx(float(metrics.AUC(multi_label=True)(TRUE, SCORE)), rel=1e-5)
    assert first["precision"] == pytest.approx(float(metrics.Precision()(TRUE, SCORE)), rel=1e-5)
    history = model.fit(SCORE, TRUE, batch_size=16, epochs=2, verbose=0).history
    assert history["f1_score"][1] == pytest.approx(first["f1_score"], rel=1e-5)


GIVEN: dict[str, dict[str, Any]] = {
    "SensitivityAtSpecificity": {"specificity": 0.4},
    "SpecificityAtSensitivity": {"sensitivity": 0.4},
    "PrecisionAtRecall": {"recall": 0.4},
    "RecallAtPrecision": {"precision": 0.4},
    "AUC": {"curve": "PR", "thresholds": [0.1, 0.7]},
    "Precision": {"thresholds": [0.1, 0.2], "top_k": 2, "class_id": 1},
    "TopKCategoricalAccuracy": {"k": 2},
    "FBetaScore": {"average": "micro", "beta": 2.0, "threshold": 0.4},
    "R2Score": {"class_aggregation": None, "num_regressors": 1},
    "SparseCategoricalCrossentropy": {"ignore_class": 1},
    "CosineSimilarity": {"axis": 1},
}
CLASSES = [
    name
    for name in metrics.__all__
    if inspect.isclass(getattr(metrics, name)) and name not in ("Metric", "MeanMetricWrapper")
]


@pytest.mark.parametrize("name", CLASSES)
def test_a_config_makes_the_same_metric(name: str) -> None:
    metric = getattr(metrics, name)(**GIVEN.get(name, {}), name="mine")
    again = metrics.deserialize(metrics.serialize(metric))
    assert type(again) is type(metric) and again.get_config() == metric.get_config()
    assert [v.shape for v in again.variables] == [v.shape for v in metric.variables]


@pytest.mark.parametrize(
    "name", ["precision", "auc", "f1_score", "MAPE", "bce", "true_positives", "top_k_categorical_accuracy"]
)
def test_names(name: str) -> None:
    assert isinstance(metrics.get(name), metrics.Metric)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: metrics.Precision(thresholds=1.5), r"Precision\(\) takes thresholds from 0 to 1"),
        (lambda: metrics.Recall(thresholds=[]), r"Recall\(\) takes thresholds from 0 to 1"),
        (lambda: metrics.Recall(top_k=0), r"Recall\(\) takes top_k as an int of at least 1"),
        (lambda: metrics.Precision(class_id="dog"), r"Precision\(\) takes class_id as an int"),
        (lambda: metrics.TruePositives(thresholds="half"), r"TruePositives\(\) takes thresholds"),
        (lambda: metrics.AUC(num_thresholds=1), r"AUC\(\) takes num_thresholds"),
        (lambda: metrics.AUC(curve="RCO"), r"AUC\(\) takes curve as one of 'ROC', 'PR'"),
        (lambda: metrics.AUC(summation_method="sum"), r"AUC\(\) takes summation_method"),
        (lambda: metrics.AUC(label_weights=[1, 2]), "with multi_label=True only"),
        (lambda: metrics.PrecisionAtRecall(2), r"PrecisionAtRecall\(\) takes recall as a number"),
        (lambda: metrics.F1Score(average="mean"), r"F1Score\(\) takes average as one of"),
        (lambda: metrics.FBetaScore(beta=0), r"FBetaScore\(\) takes beta as a number above 0"),
        (lambda: metrics.R2Score("mean"), r"R2Score\(\) takes class_aggregation"),
        (lambda: metrics.R2Score(num_regressors=-1), r"R2Score\(\) takes num_regressors"),
    ],
)
def test_wrong_arguments(make: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        make()


def test_what_does_not_fit() -> None:
    with pytest.raises(GraphError, match="does not know yet how many columns"):
        metrics.F1Score().result()
    with pytest.raises(GraphError, match="does not know yet how many labels"):
        metrics.AUC(multi_label=True).result()
    with pytest.raises(ShapeError, match="takes targets and predictions of two axes"):
        metrics.F1Score()(TRUE[:, 0], SCORE)
    with pytest.raises(ShapeError, match="must have one shape"):
        metrics.Precision()(TRUE, SCORE[:, 0])
    with pytest.raises(KgcError, match="index 3 is out of range"):
        metrics.Precision(class_id=3)(TRUE, SCORE)
