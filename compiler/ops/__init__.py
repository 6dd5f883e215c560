"""The op catalogue: importing this package registers every op."""

from __future__ import annotations

from . import activation as activation
from . import control as control
from . import conv as conv
from . import creation as creation
from . import elementwise as elementwise
from . import indexing as indexing
from . import lax as lax
from . import linalg as linalg
from . import losses as losses
from . import normalization as normalization
from . import pooling as pooling
from . import random as random
from . import reduction as reduction
from . import shape as shape
