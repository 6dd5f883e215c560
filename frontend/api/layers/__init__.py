"""`kgc.layers`: the layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kgc.frontend.lazy import lazy

__all__ = [
    "Activation", "Add", "Average", "AveragePooling2D", "AvgPool2D", "BatchNormalization", "Concatenate", "Conv2D",
    "Convolution2D", "Dense", "Dropout", "ELU", "Flatten", "GlobalAveragePooling2D", "GlobalAvgPool2D",
    "GlobalMaxPool2D", "GlobalMaxPooling2D", "Identity", "Input", "InputLayer", "Layer", "LeakyReLU", "MaxPool2D",
    "MaxPooling2D", "Maximum", "Minimum", "Multiply", "ReLU", "Rescaling", "Reshape", "Softmax", "Subtract", "add",
    "average", "concatenate", "maximum", "minimum", "multiply", "subtract",
]  # fmt: skip

if TYPE_CHECKING:
    from kgc.frontend.input import Input as Input
    from kgc.frontend.input import InputLayer as InputLayer
    from kgc.frontend.layer import Layer as Layer
    from kgc.frontend.layers.activations import ELU as ELU
    from kgc.frontend.layers.activations import LeakyReLU as LeakyReLU
    from kgc.frontend.layers.activations import ReLU as ReLU
    from kgc.frontend.layers.activations import Softmax as Softmax
    from kgc.frontend.layers.conv import Conv2D as Conv2D
    from kgc.frontend.layers.conv import Conv2D as Convolution2D
    from kgc.frontend.layers.core import Activation as Activation
    from kgc.frontend.layers.core import Dense as Dense
    from kgc.frontend.layers.core import Identity as Identity
    from kgc.frontend.layers.merging import Add as Add
    from kgc.frontend.layers.merging import Average as Average
    from kgc.frontend.layers.merging import Concatenate as Concatenate
    from kgc.frontend.layers.merging import Maximum as Maximum
    from kgc.frontend.layers.merging import Minimum as Minimum
    from kgc.frontend.layers.merging import Multiply as Multiply
    from kgc.frontend.layers.merging import Subtract as Subtract
    from kgc.frontend.layers.merging import add as add
    from kgc.frontend.layers.merging import average as average
    from kgc.frontend.layers.merging import concatenate as concatenate
    from kgc.frontend.layers.merging import maximum as maximum
    from kgc.frontend.layers.merging import minimum as minimum
    from kgc.frontend.layers.merging import multiply as multiply
    from kgc.frontend.layers.merging import subtract as subtract
    from kgc.frontend.layers.normalization import BatchNormalization as BatchNormalization
    from kgc.frontend.layers.pooling import AveragePooling2D as AveragePooling2D
    from kgc.frontend.layers.pooling import AveragePooling2D as AvgPool2D
    from kgc.frontend.layers.pooling import GlobalAveragePooling2D as GlobalAveragePooling2D
    from kgc.frontend.layers.pooling import GlobalAveragePooling2D as GlobalAvgPool2D
    from kgc.frontend.layers.pooling import GlobalMaxPooling2D as GlobalMaxPool2D
    from kgc.frontend.layers.pooling import GlobalMaxPooling2D as GlobalMaxPooling2D
    from kgc.frontend.layers.pooling import MaxPooling2D as MaxPool2D
    from kgc.frontend.layers.pooling import MaxPooling2D as MaxPooling2D
    from kgc.frontend.layers.preprocessing import Rescaling as Rescaling
    from kgc.frontend.layers.regularization import Dropout as Dropout
    from kgc.frontend.layers.reshaping import Flatten as Flatten
    from kgc.frontend.layers.reshaping import Reshape as Reshape
else:
    __getattr__, __dir__ = lazy(
        __name__,
        __all__,
        {
            "kgc.frontend.input": "Input InputLayer",
            "kgc.frontend.layer": "Layer",
            "kgc.frontend.layers.activations": "ELU LeakyReLU ReLU Softmax",
            "kgc.frontend.layers.conv": "Conv2D Convolution2D=Conv2D",
            "kgc.frontend.layers.core": "Activation Dense Identity",
            "kgc.frontend.layers.merging": (
                "Add Average Concatenate Maximum Minimum Multiply Subtract add average concatenate maximum minimum "
                "multiply subtract"
            ),
            "kgc.frontend.layers.normalization": "BatchNormalization",
            "kgc.frontend.layers.pooling": (
                "AveragePooling2D AvgPool2D=AveragePooling2D GlobalAveragePooling2D "
                "GlobalAvgPool2D=GlobalAveragePooling2D GlobalMaxPool2D=GlobalMaxPooling2D GlobalMaxPooling2D "
                "MaxPool2D=MaxPooling2D MaxPooling2D"
            ),
            "kgc.frontend.layers.preprocessing": "Rescaling",
            "kgc.frontend.layers.regularization": "Dropout",
            "kgc.frontend.layers.reshaping": "Flatten Reshape",
        },
    )
