"""`kgc.metrics`: the metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kgc.runtime.lazy import lazy

__all__ = [
    "AUC", "Accuracy", "BinaryAccuracy", "BinaryCrossentropy", "CategoricalAccuracy", "CategoricalCrossentropy",
    "CategoricalHinge", "ConcordanceCorrelation", "CosineSimilarity", "F1Score", "FBetaScore", "FalseNegatives",
    "FalsePositives", "Hinge", "KLDivergence", "LogCoshError", "Mean", "MeanAbsoluteError",
    "MeanAbsolutePercentageError", "MeanMetricWrapper", "MeanSquaredError", "MeanSquaredLogarithmicError", "Metric",
    "PearsonCorrelation", "Poisson", "Precision", "PrecisionAtRecall", "R2Score", "Recall", "RecallAtPrecision",
    "RootMeanSquaredError", "SensitivityAtSpecificity", "SparseCategoricalAccuracy", "SparseCategoricalCrossentropy",
    "SparseTopKCategoricalAccuracy", "SpecificityAtSensitivity", "SquaredHinge", "Sum", "TopKCategoricalAccuracy",
    "TrueNegatives", "TruePositives", "binary_accuracy", "binary_crossentropy", "binary_focal_crossentropy",
    "categorical_accuracy", "categorical_crossentropy", "categorical_focal_crossentropy", "categorical_hinge",
    "concordance_correlation", "deserialize", "get", "hinge", "huber", "kl_divergence", "log_cosh",
    "mean_absolute_error", "mean_absolute_percentage_error", "mean_squared_error", "mean_squared_logarithmic_error",
    "pearson_correlation", "poisson", "serialize", "sparse_categorical_accuracy", "sparse_categorical_crossentropy",
    "sparse_top_k_categorical_accuracy", "squared_hinge", "top_k_categorical_accuracy",
]  # fmt: skip

if TYPE_CHECKING:
    from kgc.frontend.crossentropy_functions import binary_crossentropy as binary_crossentropy
    from kgc.frontend.crossentropy_functions import binary_focal_crossentropy as binary_focal_crossentropy
    from kgc.frontend.crossentropy_functions import categorical_crossentropy as categorical_crossentropy
    from kgc.frontend.crossentropy_functions import categorical_focal_crossentropy as categorical_focal_crossentropy
    from kgc.frontend.crossentropy_functions import sparse_categorical_crossentropy as sparse_categorical_crossentropy
    from kgc.frontend.loss_functions import categorical_hinge as categorical_hinge
    from kgc.frontend.loss_functions import hinge as hinge
    from kgc.frontend.loss_functions import huber as huber
    from kgc.frontend.loss_functions import kl_divergence as kl_divergence
    from kgc.frontend.loss_functions import log_cosh as log_cosh
    from kgc.frontend.loss_functions import mean_absolute_error as mean_absolute_error
    from kgc.frontend.loss_functions import mean_absolute_percentage_error as mean_absolute_percentage_error
    from kgc.frontend.loss_functions import mean_squared_error as mean_squared_error
    from kgc.frontend.loss_functions import mean_squared_logarithmic_error as mean_squared_logarithmic_error
    from kgc.frontend.loss_functions import poisson as poisson
    from kgc.frontend.loss_functions import squared_hinge as squared_hinge
    from kgc.frontend.metric_functions import binary_accuracy as binary_accuracy
    from kgc.frontend.metric_functions import categorical_accuracy as categorical_accuracy
    from kgc.frontend.metric_functions import concordance_correlation as concordance_correlation
    from kgc.frontend.metric_functions import pearson_correlation as pearson_correlation
    from kgc.frontend.metric_functions import sparse_categorical_accuracy as sparse_categorical_accuracy
    from kgc.frontend.metric_functions import sparse_top_k_categorical_accuracy as sparse_top_k_categorical_accuracy
    from kgc.frontend.metric_functions import top_k_categorical_accuracy as top_k_categorical_accuracy
    from kgc.frontend.metrics import deserialize as deserialize
    from kgc.frontend.metrics import get as get
    from kgc.frontend.metrics import serialize as serialize
    from kgc.frontend.metrics_base import Mean as Mean
    from kgc.frontend.metrics_base import MeanMetricWrapper as MeanMetricWrapper
    from kgc.frontend.metrics_base import Metric as Metric
    from kgc.frontend.metrics_base import Sum as Sum
    from kgc.frontend.metrics_confusion import FalseNegatives as FalseNegatives
    from kgc.frontend.metrics_confusion import FalsePositives as FalsePositives
    from kgc.frontend.metrics_confusion import Precision as Precision
    from kgc.frontend.metrics_confusion import Recall as Recall
    from kgc.frontend.metrics_confusion import TrueNegatives as TrueNegatives
    from kgc.frontend.metrics_confusion import TruePositives as TruePositives
    from kgc.frontend.metrics_curve import AUC as AUC
    from kgc.frontend.metrics_curve import PrecisionAtRecall as PrecisionAtRecall
    from kgc.frontend.metrics_curve import RecallAtPrecision as RecallAtPrecision
    from kgc.frontend.metrics_curve import SensitivityAtSpecificity as SensitivityAtSpecificity
    from kgc.frontend.metrics_curve import SpecificityAtSensitivity as SpecificityAtSensitivity
    from kgc.frontend.metrics_mean import Accuracy as Accuracy
    from kgc.frontend.metrics_mean import BinaryAccuracy as BinaryAccuracy
    from kgc.frontend.metrics_mean import BinaryCrossentropy as BinaryCrossentropy
    from kgc.frontend.metrics_mean import CategoricalAccuracy as CategoricalAccuracy
    from kgc.frontend.metrics_mean import CategoricalCrossentropy as CategoricalCrossentropy
    from kgc.frontend.metrics_mean import CategoricalHinge as CategoricalHinge
    from kgc.frontend.metrics_mean import ConcordanceCorrelation as ConcordanceCorrelation
    from kgc.frontend.metrics_mean import CosineSimilarity as CosineSimilarity
    from kgc.frontend.metrics_mean import Hinge as Hinge
    from kgc.frontend.metrics_mean import KLDivergence as KLDivergence
    from kgc.frontend.metrics_mean import LogCoshError as LogCoshError
    from kgc.frontend.metrics_mean import MeanAbsoluteError as MeanAbsoluteError
    from kgc.frontend.metrics_mean import MeanAbsolutePercentageError as MeanAbsolutePercentageError
    from kgc.frontend.metrics_mean import MeanSquaredError as MeanSquaredError
    from kgc.frontend.metrics_mean import MeanSquaredLogarithmicError as MeanSquaredLogarithmicError
    from kgc.frontend.metrics_mean import PearsonCorrelation as PearsonCorrelation
    from kgc.frontend.metrics_mean import Poisson as Poisson
    from kgc.frontend.metrics_mean import RootMeanSquaredError as RootMeanSquaredError
    from kgc.frontend.metrics_mean import SparseCategoricalAccuracy as SparseCategoricalAccuracy
    from kgc.frontend.metrics_mean import SparseCategoricalCrossentropy as SparseCategoricalCrossentropy
    from kgc.frontend.metrics_mean import SparseTopKCategoricalAccuracy as SparseTopKCategoricalAccuracy
    from kgc.frontend.metrics_mean import SquaredHinge as SquaredHinge
    from kgc.frontend.metrics_mean import TopKCategoricalAccuracy as TopKCategoricalAccuracy
    from kgc.frontend.metrics_score import F1Score as F1Score
    from kgc.frontend.metrics_score import FBetaScore as FBetaScore
    from kgc.frontend.metrics_score import R2Score as R2Score
else:
    __getattr__, __dir__ = lazy(
        __name__,
        __all__,
        {
            "kgc.frontend.crossentropy_functions": (
                "binary_crossentropy binary_focal_crossentropy categorical_crossentropy "
                "categorical_focal_crossentropy sparse_categorical_crossentropy"
            ),
            "kgc.frontend.loss_functions": (
                "categorical_hinge hinge huber kl_divergence log_cosh mean_absolute_error "
                "mean_absolute_percentage_error mean_squared_error mean_squared_logarithmic_error poisson "
                "squared_hinge"
            ),
            "kgc.frontend.metric_functions": (
                "binary_accuracy categorical_accuracy concordance_correlation pearson_correlation "
                "sparse_categorical_accuracy sparse_top_k_categorical_accuracy top_k_categorical_accuracy"
            ),
            "kgc.frontend.metrics": "deserialize get serialize",
            "kgc.frontend.metrics_base": "Mean MeanMetricWrapper Metric Sum",
            "kgc.frontend.metrics_confusion": (
                "FalseNegatives FalsePositives Precision Recall TrueNegatives TruePositives"
            ),
            "kgc.frontend.metrics_curve": (
                "AUC PrecisionAtRecall RecallAtPrecision SensitivityAtSpecificity SpecificityAtSensitivity"
            ),
            "kgc.frontend.metrics_mean": (
                "Accuracy BinaryAccuracy BinaryCrossentropy CategoricalAccuracy CategoricalCrossentropy "
                "CategoricalHinge ConcordanceCorrelation CosineSimilarity Hinge KLDivergence LogCoshError "
                "MeanAbsoluteError MeanAbsolutePercentageError MeanSquaredError MeanSquaredLogarithmicError "
                "PearsonCorrelation Poisson RootMeanSquaredError SparseCategoricalAccuracy "
                "SparseCategoricalCrossentropy SparseTopKCategoricalAccuracy SquaredHinge TopKCategoricalAccuracy"
            ),
            "kgc.frontend.metrics_score": "F1Score FBetaScore R2Score",
        },
    )
