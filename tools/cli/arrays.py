"""Arrays as a command's argument: an `.npz` file, or an `.npy` file of one."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

from .failure import Failure


def read(path: Path) -> dict[str, Any]:
    """The arrays by name; the one of an `.npy` file has the empty name.

    Raises:
        Failure: there is no such file, or it is neither.
    """
    import numpy as np

    try:
        with open(path, "rb") as file:
            if not file.read(6).startswith((b"PK", np.lib.format.MAGIC_PREFIX)):  # numpy would take it for a pickle
                raise Failure(f"{path} cannot be read as .npz or .npy: it is neither")
            file.seek(0)
            found = np.load(file, allow_pickle=False)
            return {"": found} if isinstance(found, np.ndarray) else {name: found[name] for name in found.files}
    except FileNotFoundError:
        raise Failure(f"there is no file {str(path)!r}", status=2) from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise Failure(f"{path} cannot be read as .npz or .npy: {error}") from error
