"""Superpixels: patches of like colour, about as large as a cell of a grid.

Source: R. Achanta et al., "SLIC Superpixels Compared to State-of-the-art Superpixel Methods", TPAMI 2012. As in
C. Y. Ren, I. Reid, "gSLIC", 2011, each pixel chooses among the nine patches that began in the cells around it, which
makes a step a few operations on whole arrays. SLIC's last step, which joins stray pixels to their surroundings, is left
out.
"""

import cv2
import numpy as np
from numpy.typing import NDArray


def superpixels(
    image: NDArray[np.uint8], *, cell: int, compactness: float = 10.0, steps: int = 5
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Return the number of each pixel's patch, [H, W], and the mean features of each patch, [P, 5].

    Features are CIELAB and the position (x, y) times `compactness` / `cell`, so that their distances are SLIC's.

    Args:
        image: RGB, uint8 [H, W, 3].
        cell: side of the grid's cells, pixels.
        compactness: CIELAB units that weigh as much as one cell of distance.
        steps: of the clustering.
    """
    height, width = image.shape[:2]
    below, right = -height % cell, -width % cell
    padded = cv2.copyMakeBorder(image, 0, below, 0, right, cv2.BORDER_REPLICATE)
    rows, columns = padded.shape[0] // cell, padded.shape[1] // cell
    tiles = _features(padded, np.float32(compactness / cell)).reshape(rows, cell, columns, cell, 5).swapaxes(1, 2)
    tiles = np.ascontiguousarray(tiles).reshape(rows, columns, cell * cell, 5)
    centers = tiles.mean(axis=2)
    patches = _nearest(tiles, centers)
    for _ in range(steps - 1):
        centers = _means(tiles, patches, centers)
        patches = _nearest(tiles, centers)
    centers = _means(tiles, patches, centers)
    whole = patches.reshape(rows, columns, cell, cell).swapaxes(1, 2).reshape(padded.shape[:2])
    return np.ascontiguousarray(whole[:height, :width]), centers.reshape(-1, 5)


def _features(image: NDArray[np.uint8], weight: np.float32) -> NDArray[np.float32]:
    lab = cv2.cvtColor(image.astype(np.float32) / np.float32(255.0), cv2.COLOR_RGB2Lab)
    y, x = np.indices(image.shape[:2], np.float32)
    return np.dstack((lab, x * weight, y * weight))


def _nearest(tiles: NDArray[np.float32], centers: NDArray[np.float32]) -> NDArray[np.intp]:
    """Return for each pixel the nearest of the nine centres around its cell, [rows, columns, pixels]."""
    rows, columns = centers.shape[:2]
    around = np.pad(centers, ((1, 1), (1, 1), (0, 0)), constant_values=np.inf)
    best = np.full(tiles.shape[:3], np.inf, np.float32)
    patches = np.zeros(tiles.shape[:3], np.intp)
    for down in range(3):
        for across in range(3):
            difference = tiles - around[down : down + rows, across : across + columns, None]
            distance = np.einsum("...k,...k->...", difference, difference)
            number = (np.arange(rows)[:, None] + down - 1) * columns + np.arange(columns) + across - 1
            closer = distance < best
            best = np.where(closer, distance, best)
            patches = np.where(closer, number[..., None], patches)
    return patches


def _means(tiles: NDArray[np.float32], patches: NDArray[np.intp], centers: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the mean features of each patch; a patch without pixels keeps what it had."""
    numbers, count = patches.ravel(), centers.shape[0] * centers.shape[1]
    sizes = np.bincount(numbers, minlength=count)
    sums = [np.bincount(numbers, feature.ravel(), minlength=count) for feature in np.moveaxis(tiles, -1, 0)]
    means = np.stack(sums, axis=-1) / np.maximum(sizes, 1)[:, None]
    means = np.where(sizes[:, None] > 0, means, centers.reshape(-1, 5))
    return means.astype(np.float32).reshape(centers.shape)
