"""Where the package's own data files are: in the source tree, or in the share folder that an install made."""

import os
import sys
from pathlib import Path

PACKAGE = "dfs_ros"


def share_file(relative: str) -> Path:
    """Return the path of a data file of this package, such as "config/fastdds.xml".

    The source tree wins, then every prefix of AMENT_PREFIX_PATH, then the environment's own prefix.

    Raises:
        FileNotFoundError: it is in none of them; names all places looked at.
    """
    prefixes = [*filter(None, os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep)), sys.prefix]
    source = Path(__file__).resolve().parents[1]
    roots = [source] if (source / "package.xml").is_file() else []
    roots += [Path(prefix) / "share" / PACKAGE for prefix in prefixes]
    for root in roots:
        if (root / relative).is_file():
            return root / relative
    places = ", ".join(str(root) for root in roots)
    raise FileNotFoundError(f"no {relative} of {PACKAGE} in {places}; install the package again")
