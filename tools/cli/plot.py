"""Draw a model: its layers as boxes, what flows between them as arrows.

    kgc plot model.py -o model.svg --shapes

The ending of the output says the format: png, svg, pdf, or dot for the text that Graphviz reads.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from . import source


def configure(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments."""
    parser.add_argument("source", metavar="SOURCE", help=source.HELP)
    parser.add_argument("-o", "--output", metavar="FILE", type=Path, required=True, help="the picture: .png, .svg, …")
    parser.add_argument("--shapes", action="store_true", help="show the shapes of inputs and outputs")
    parser.add_argument("--dtypes", action="store_true", help="show their dtypes")
    parser.add_argument("--activations", action="store_true", help="show activation functions")
    parser.add_argument("--trainable", action="store_true", help="show what is trained and what is frozen")
    parser.add_argument("--expand", action="store_true", help="open models within the model")
    parser.add_argument("--direction", choices=("TB", "LR"), default="TB", help="downward (default) or to the right")


def run(args: argparse.Namespace) -> int:
    """Write the picture of `args.source`."""
    from ...frontend.show.plot import plot_model

    with source.open_model(args.source) as model:
        plot_model(
            model,
            str(args.output),
            show_shapes=args.shapes,
            show_dtype=args.dtypes,
            show_layer_names=True,
            rankdir=args.direction,
            expand_nested=args.expand,
            show_layer_activations=args.activations,
            show_trainable=args.trainable,
        )
    return 0
