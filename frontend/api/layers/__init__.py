"""`kgc.layers`: the layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kgc.runtime.lazy import lazy

__all__ = [
    "Activation", "Add", "Average", "AveragePooling1D", "AveragePooling2D", "AveragePooling3D", "AvgPool1D",
    "AvgPool2D", "AvgPool3D", "BatchNormalization", "Bidirectional", "Concatenate", "Conv1D", "Conv1DTranspose",
    "Conv2D", "Conv2DTranspose", "Conv3D", "Conv3DTranspose", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D", "Convolution1D",
    "Convolution1DTranspose", "Convolution2D", "Convolution2DTranspose", "Convolution3D", "Convolution3DTranspose",
    "Cropping1D", "Cropping2D", "Cropping3D", "Dense", "Dot", "Dropout", "ELU", "EinsumDense", "Embedding", "Flatten",
    "GRU", "GRUCell", "GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalAveragePooling3D", "GlobalAvgPool1D",
    "GlobalAvgPool2D", "GlobalAvgPool3D", "GlobalMaxPool1D", "GlobalMaxPool2D", "GlobalMaxPool3D", "GlobalMaxPooling1D",
    "GlobalMaxPooling2D", "GlobalMaxPooling3D", "Identity", "Input", "InputLayer", "LSTM", "LSTMCell", "Lambda",
    "Layer", "LayerNormalization", "LeakyReLU", "Masking", "MaxPool1D", "MaxPool2D", "MaxPool3D", "MaxPooling1D",
    "MaxPooling2D", "MaxPooling3D", "Maximum", "Minimum", "MultiHeadAttention", "Multiply", "Permute", "RNN", "ReLU",
    "RepeatVector", "Rescaling", "Reshape", "SimpleRNN", "SimpleRNNCell", "Softmax", "StackedRNNCells", "Subtract",
    "TimeDistributed", "UpSampling1D", "UpSampling2D", "UpSampling3D", "Wrapper", "ZeroPadding1D", "ZeroPadding2D",
    "ZeroPadding3D", "add", "average", "concatenate", "dot", "maximum", "minimum", "multiply", "subtract",
]  # fmt: skip

if TYPE_CHECKING:
    from kgc.frontend.input import Input as Input
    from kgc.frontend.input import InputLayer as InputLayer
    from kgc.frontend.layer import Layer as Layer
    from kgc.frontend.layers.activations import ELU as ELU
    from kgc.frontend.layers.activations import LeakyReLU as LeakyReLU
    from kgc.frontend.layers.activations import ReLU as ReLU
    from kgc.frontend.layers.activations import Softmax as Softmax
    from kgc.frontend.layers.attention import MultiHeadAttention as MultiHeadAttention
    from kgc.frontend.layers.bidirectional import Bidirectional as Bidirectional
    from kgc.frontend.layers.conv import Conv1D as Conv1D
    from kgc.frontend.layers.conv import Conv1D as Convolution1D
    from kgc.frontend.layers.conv import Conv2D as Conv2D
    from kgc.frontend.layers.conv import Conv2D as Convolution2D
    from kgc.frontend.layers.conv import Conv3D as Conv3D
    from kgc.frontend.layers.conv import Conv3D as Convolution3D
    from kgc.frontend.layers.conv_lstm import ConvLSTM1D as ConvLSTM1D
    from kgc.frontend.layers.conv_lstm import ConvLSTM2D as ConvLSTM2D
    from kgc.frontend.layers.conv_lstm import ConvLSTM3D as ConvLSTM3D
    from kgc.frontend.layers.conv_transpose import Conv1DTranspose as Conv1DTranspose
    from kgc.frontend.layers.conv_transpose import Conv1DTranspose as Convolution1DTranspose
    from kgc.frontend.layers.conv_transpose import Conv2DTranspose as Conv2DTranspose
    from kgc.frontend.layers.conv_transpose import Conv2DTranspose as Convolution2DTranspose
    from kgc.frontend.layers.conv_transpose import Conv3DTranspose as Conv3DTranspose
    from kgc.frontend.layers.conv_transpose import Conv3DTranspose as Convolution3DTranspose
    from kgc.frontend.layers.core import Activation as Activation
    from kgc.frontend.layers.core import Dense as Dense
    from kgc.frontend.layers.core import Identity as Identity
    from kgc.frontend.layers.einsum_dense import EinsumDense as EinsumDense
    from kgc.frontend.layers.embedding import Embedding as Embedding
    from kgc.frontend.layers.gru import GRU as GRU
    from kgc.frontend.layers.gru import GRUCell as GRUCell
    from kgc.frontend.layers.lambda_layer import Lambda as Lambda
    from kgc.frontend.layers.lstm import LSTM as LSTM
    from kgc.frontend.layers.lstm import LSTMCell as LSTMCell
    from kgc.frontend.layers.masking import Masking as Masking
    from kgc.frontend.layers.merging import Add as Add
    from kgc.frontend.layers.merging import Average as Average
    from kgc.frontend.layers.merging import Concatenate as Concatenate
    from kgc.frontend.layers.merging import Dot as Dot
    from kgc.frontend.layers.merging import Maximum as Maximum
    from kgc.frontend.layers.merging import Minimum as Minimum
    from kgc.frontend.layers.merging import Multiply as Multiply
    from kgc.frontend.layers.merging import Subtract as Subtract
    from kgc.frontend.layers.merging import add as add
    from kgc.frontend.layers.merging import average as average
    from kgc.frontend.layers.merging import concatenate as concatenate
    from kgc.frontend.layers.merging import dot as dot
    from kgc.frontend.layers.merging import maximum as maximum
    from kgc.frontend.layers.merging import minimum as minimum
    from kgc.frontend.layers.merging import multiply as multiply
    from kgc.frontend.layers.merging import subtract as subtract
    from kgc.frontend.layers.normalization import BatchNormalization as BatchNormalization
    from kgc.frontend.layers.normalization import LayerNormalization as LayerNormalization
    from kgc.frontend.layers.padding import Cropping1D as Cropping1D
    from kgc.frontend.layers.padding import Cropping2D as Cropping2D
    from kgc.frontend.layers.padding import Cropping3D as Cropping3D
    from kgc.frontend.layers.padding import ZeroPadding1D as ZeroPadding1D
    from kgc.frontend.layers.padding import ZeroPadding2D as ZeroPadding2D
    from kgc.frontend.layers.padding import ZeroPadding3D as ZeroPadding3D
    from kgc.frontend.layers.pooling import AveragePooling1D as AveragePooling1D
    from kgc.frontend.layers.pooling import AveragePooling1D as AvgPool1D
    from kgc.frontend.layers.pooling import AveragePooling2D as AveragePooling2D
    from kgc.frontend.layers.pooling import AveragePooling2D as AvgPool2D
    from kgc.frontend.layers.pooling import AveragePooling3D as AveragePooling3D
    from kgc.frontend.layers.pooling import AveragePooling3D as AvgPool3D
    from kgc.frontend.layers.pooling import GlobalAveragePooling1D as GlobalAveragePooling1D
    from kgc.frontend.layers.pooling import GlobalAveragePooling1D as GlobalAvgPool1D
    from kgc.frontend.layers.pooling import GlobalAveragePooling2D as GlobalAveragePooling2D
    from kgc.frontend.layers.pooling import GlobalAveragePooling2D as GlobalAvgPool2D
    from kgc.frontend.layers.pooling import GlobalAveragePooling3D as GlobalAveragePooling3D
    from kgc.frontend.layers.pooling import GlobalAveragePooling3D as GlobalAvgPool3D
    from kgc.frontend.layers.pooling import GlobalMaxPooling1D as GlobalMaxPool1D
    from kgc.frontend.layers.pooling import GlobalMaxPooling1D as GlobalMaxPooling1D
    from kgc.frontend.layers.pooling import GlobalMaxPooling2D as GlobalMaxPool2D
    from kgc.frontend.layers.pooling import GlobalMaxPooling2D as GlobalMaxPooling2D
    from kgc.frontend.layers.pooling import GlobalMaxPooling3D as GlobalMaxPool3D
    from kgc.frontend.layers.pooling import GlobalMaxPooling3D as GlobalMaxPooling3D
    from kgc.frontend.layers.pooling import MaxPooling1D as MaxPool1D
    from kgc.frontend.layers.pooling import MaxPooling1D as MaxPooling1D
    from kgc.frontend.layers.pooling import MaxPooling2D as MaxPool2D
    from kgc.frontend.layers.pooling import MaxPooling2D as MaxPooling2D
    from kgc.frontend.layers.pooling import MaxPooling3D as MaxPool3D
    from kgc.frontend.layers.pooling import MaxPooling3D as MaxPooling3D
    from kgc.frontend.layers.preprocessing import Rescaling as Rescaling
    from kgc.frontend.layers.regularization import Dropout as Dropout
    from kgc.frontend.layers.reshaping import Flatten as Flatten
    from kgc.frontend.layers.reshaping import Permute as Permute
    from kgc.frontend.layers.reshaping import RepeatVector as RepeatVector
    from kgc.frontend.layers.reshaping import Reshape as Reshape
    from kgc.frontend.layers.rnn import RNN as RNN
    from kgc.frontend.layers.rnn_cells import StackedRNNCells as StackedRNNCells
    from kgc.frontend.layers.simple_rnn import SimpleRNN as SimpleRNN
    from kgc.frontend.layers.simple_rnn import SimpleRNNCell as SimpleRNNCell
    from kgc.frontend.layers.upsampling import UpSampling1D as UpSampling1D
    from kgc.frontend.layers.upsampling import UpSampling2D as UpSampling2D
    from kgc.frontend.layers.upsampling import UpSampling3D as UpSampling3D
    from kgc.frontend.layers.wrappers import TimeDistributed as TimeDistributed
    from kgc.frontend.layers.wrappers import Wrapper as Wrapper
else:
    __getattr__, __dir__ = lazy(
        __name__,
        __all__,
        {
            "kgc.frontend.input": "Input InputLayer",
            "kgc.frontend.layer": "Layer",
            "kgc.frontend.layers.activations": "ELU LeakyReLU ReLU Softmax",
            "kgc.frontend.layers.attention": "MultiHeadAttention",
            "kgc.frontend.layers.bidirectional": "Bidirectional",
            "kgc.frontend.layers.conv": (
                "Conv1D Convolution1D=Conv1D Conv2D Convolution2D=Conv2D Conv3D Convolution3D=Conv3D"
            ),
            "kgc.frontend.layers.conv_lstm": "ConvLSTM1D ConvLSTM2D ConvLSTM3D",
            "kgc.frontend.layers.conv_transpose": (
                "Conv1DTranspose Convolution1DTranspose=Conv1DTranspose Conv2DTranspose "
                "Convolution2DTranspose=Conv2DTranspose Conv3DTranspose Convolution3DTranspose=Conv3DTranspose"
            ),
            "kgc.frontend.layers.core": "Activation Dense Identity",
            "kgc.frontend.layers.einsum_dense": "EinsumDense",
            "kgc.frontend.layers.embedding": "Embedding",
            "kgc.frontend.layers.gru": "GRU GRUCell",
            "kgc.frontend.layers.lambda_layer": "Lambda",
            "kgc.frontend.layers.lstm": "LSTM LSTMCell",
            "kgc.frontend.layers.masking": "Masking",
            "kgc.frontend.layers.merging": (
                "Add Average Concatenate Dot Maximum Minimum Multiply Subtract add average concatenate dot maximum "
                "minimum multiply subtract"
            ),
            "kgc.frontend.layers.normalization": "BatchNormalization LayerNormalization",
            "kgc.frontend.layers.padding": "Cropping1D Cropping2D Cropping3D ZeroPadding1D ZeroPadding2D ZeroPadding3D",
            "kgc.frontend.layers.pooling": (
                "AveragePooling1D AvgPool1D=AveragePooling1D AveragePooling2D AvgPool2D=AveragePooling2D "
                "AveragePooling3D AvgPool3D=AveragePooling3D GlobalAveragePooling1D "
                "GlobalAvgPool1D=GlobalAveragePooling1D GlobalAveragePooling2D GlobalAvgPool2D=GlobalAveragePooling2D "
                "GlobalAveragePooling3D GlobalAvgPool3D=GlobalAveragePooling3D GlobalMaxPool1D=GlobalMaxPooling1D "
                "GlobalMaxPooling1D GlobalMaxPool2D=GlobalMaxPooling2D GlobalMaxPooling2D "
                "GlobalMaxPool3D=GlobalMaxPooling3D GlobalMaxPooling3D MaxPool1D=MaxPooling1D MaxPooling1D "
                "MaxPool2D=MaxPooling2D MaxPooling2D MaxPool3D=MaxPooling3D MaxPooling3D"
            ),
            "kgc.frontend.layers.preprocessing": "Rescaling",
            "kgc.frontend.layers.regularization": "Dropout",
            "kgc.frontend.layers.reshaping": "Flatten Permute RepeatVector Reshape",
            "kgc.frontend.layers.rnn": "RNN",
            "kgc.frontend.layers.rnn_cells": "StackedRNNCells",
            "kgc.frontend.layers.simple_rnn": "SimpleRNN SimpleRNNCell",
            "kgc.frontend.layers.upsampling": "UpSampling1D UpSampling2D UpSampling3D",
            "kgc.frontend.layers.wrappers": "TimeDistributed Wrapper",
        },
    )
