"""Which distributions are installed, told without importing them."""

from importlib.metadata import PackageNotFoundError, version


def installed_version(*distributions: str) -> str | None:
    """Return the version of the first distribution that is installed, or None when none is."""
    return next(filter(None, map(_version, distributions)), None)


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None
