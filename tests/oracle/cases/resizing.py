"""UpSampling, ZeroPadding, Cropping, Permute, RepeatVector, Dot."""

from __future__ import annotations

from typing import Any

from ..case import case
from ..draws import Draws
from ..probing import add_layer


def add_one(name: str, kind: str, *shapes: tuple[int, ...], **options: Any) -> None:
    """Register one layer by its class's name."""
    add_layer(f"resizing/{name}", lambda keras: getattr(keras.layers, kind)(**options), *shapes)


add_one("up_1d", "UpSampling1D", (2, 4, 3))
add_one("up_1d_3", "UpSampling1D", (2, 4, 3), size=3)
add_one("up_2d", "UpSampling2D", (2, 4, 3, 2))
add_one("up_2d_uneven", "UpSampling2D", (2, 4, 3, 2), size=(1, 3))
add_one("up_2d_channels_first", "UpSampling2D", (2, 2, 4, 3), size=(2, 3), data_format="channels_first")
add_one("up_3d", "UpSampling3D", (2, 2, 3, 2, 2))
add_one("up_3d_uneven", "UpSampling3D", (2, 2, 3, 2, 2), size=(3, 1, 2))
add_one("up_3d_channels_first", "UpSampling3D", (2, 2, 2, 3, 2), data_format="channels_first")
for how in ("bilinear", "bicubic", "lanczos3", "lanczos5"):
    add_one(f"up_{how}", "UpSampling2D", (2, 5, 4, 3), interpolation=how)
    add_one(f"up_{how}_uneven", "UpSampling2D", (2, 5, 4, 3), size=(3, 1), interpolation=how)
    add_one(f"up_{how}_first", "UpSampling2D", (2, 3, 5, 4), interpolation=how, data_format="channels_first")

add_one("pad_1d", "ZeroPadding1D", (2, 4, 3))
add_one("pad_1d_uneven", "ZeroPadding1D", (2, 4, 3), padding=(0, 2))
add_one("pad_1d_channels_first", "ZeroPadding1D", (2, 3, 4), padding=(2, 1), data_format="channels_first")
add_one("pad_2d", "ZeroPadding2D", (2, 4, 3, 2))
add_one("pad_2d_two", "ZeroPadding2D", (2, 4, 3, 2), padding=(1, 2))
add_one("pad_2d_four", "ZeroPadding2D", (2, 4, 3, 2), padding=((1, 0), (2, 3)))
add_one("pad_2d_mixed", "ZeroPadding2D", (2, 4, 3, 2), padding=((1, 0), 2))
add_one("pad_2d_channels_first", "ZeroPadding2D", (2, 2, 4, 3), padding=(1, 2), data_format="channels_first")
add_one("pad_3d", "ZeroPadding3D", (2, 2, 3, 2, 2))
add_one("pad_3d_six", "ZeroPadding3D", (2, 2, 3, 2, 2), padding=((1, 0), (2, 3), (0, 1)))
add_one("pad_3d_channels_first", "ZeroPadding3D", (2, 2, 2, 3, 2), padding=(1, 2, 0), data_format="channels_first")

add_one("crop_1d", "Cropping1D", (2, 5, 3))
add_one("crop_1d_uneven", "Cropping1D", (2, 5, 3), cropping=(0, 2))
add_one("crop_2d", "Cropping2D", (2, 5, 4, 2))
add_one("crop_2d_one", "Cropping2D", (2, 5, 4, 2), cropping=1)
add_one("crop_2d_two", "Cropping2D", (2, 5, 4, 2), cropping=(2, 1))
add_one("crop_2d_four", "Cropping2D", (2, 5, 4, 2), cropping=((1, 0), (0, 3)))
add_one("crop_2d_channels_first", "Cropping2D", (2, 2, 5, 4), cropping=((1, 2), 1), data_format="channels_first")
add_one("crop_3d", "Cropping3D", (2, 3, 4, 3, 2))
add_one("crop_3d_six", "Cropping3D", (2, 3, 4, 3, 2), cropping=((1, 0), (0, 3), (0, 0)))
add_one("crop_3d_channels_first", "Cropping3D", (2, 2, 3, 4, 3), cropping=(1, 0, 1), data_format="channels_first")

add_one("permute", "Permute", (2, 3, 4), dims=(2, 1))
add_one("permute_three", "Permute", (2, 3, 4, 5), dims=(3, 1, 2))
add_one("permute_one", "Permute", (2, 3), dims=(1,))
add_one("repeat", "RepeatVector", (2, 3), n=4)

add_one("dot", "Dot", (3, 4), (3, 4), axes=1)
add_one("dot_last", "Dot", (3, 2, 4), (3, 5, 4), axes=-1)
add_one("dot_matrices", "Dot", (3, 2, 4), (3, 4, 5), axes=(2, 1))
add_one("dot_first_axes", "Dot", (3, 4, 2), (3, 4, 5), axes=(1, 1))
add_one("dot_vector_matrix", "Dot", (3, 4), (3, 4, 5), axes=(1, 1))
add_one("dot_matrix_vector", "Dot", (3, 5, 4), (3, 4), axes=[2, 1])
add_one("dot_negative", "Dot", (3, 5, 4), (3, 4, 2), axes=(-1, -2))
add_one("dot_rank_4", "Dot", (2, 2, 3, 4), (2, 5, 4), axes=(3, 2))
add_one("dot_rank_4_both", "Dot", (2, 2, 3, 4), (2, 3, 2, 4), axes=(3, 3))
add_one("cosine", "Dot", (3, 4), (3, 4), axes=1, normalize=True)
add_one("cosine_matrices", "Dot", (3, 2, 4), (3, 4, 5), axes=(2, 1), normalize=True)


@case("resizing/dot_function")
def dot_function(keras: Any, draws: Draws) -> dict[str, Any]:
    """`layers.dot`, and cosines of vectors of (nearly) no length."""
    x, y = draws.uniform(3, 4), draws.uniform(3, 4)
    a, b = keras.Input((4,)), keras.Input((4,))
    model = keras.Model([a, b], [keras.layers.dot([a, b]), keras.layers.dot([a, b], axes=1, normalize=True)])
    plain, cosine = model([x, y])
    small = keras.layers.Dot(1, normalize=True)([x * 1e-8, y])
    return {"plain": plain, "cosine": cosine, "small": small, "zero": keras.layers.Dot(1, normalize=True)([x * 0, y])}
