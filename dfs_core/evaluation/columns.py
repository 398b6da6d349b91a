"""What the figures of an evaluation are called, and what they mean."""

from dfs_core.evaluation.results import Column
from dfs_core.offline import DEFAULT_GATE

_MAPS = "between the judge's map of the row's picture and the true map, both in the colours of the classes"

REFERENCE = (
    Column(
        "psnr", "PSNR, dB", "peak signal-to-noise ratio of the dehazed frame against the clear one, mean over frames", 2
    ),
    Column("ssim", "SSIM", "structural similarity of the dehazed frame and the clear one, mean over frames"),
    Column("miou", "IoU class", "mean over the classes of TP / (TP + FP + FN), one count over all frames"),
    Column("iiou", "iIoU class", "the same over classes of things; each thing weighs the same, however large"),
    Column("category_miou", "IoU category", "mean over the categories; confusion within one is right"),
    Column("category_iiou", "iIoU category", "the same over categories of things, each weighing the same"),
    Column("map_psnr", "map PSNR, dB", f"peak signal-to-noise ratio {_MAPS}, mean over frames", 2),
    Column("map_ssim", "map SSIM", f"structural similarity {_MAPS}, mean over frames"),
    Column(
        "poster_psnr",
        "poster PSNR, dB",
        "map PSNR as the DFS poster computed it: peak 1 on values in [-1, 1], so 6.02 dB lower",
        2,
    ),
    Column("poster_ssim", "poster SSIM", "map SSIM as the DFS poster computed it: a range of 1 on values in [-1, 1]"),
    Column(
        "own_mask_miou", "own mask IoU", "IoU class of the mask that the model itself publishes, made of the hazy frame"
    ),
    Column("fog_density", "β estimated, 1/m", "median of the attenuation coefficient that the model reports", 4, None),
    Column(
        "gated",
        "gated, %",
        f"share of the frames that the model reports less than {DEFAULT_GATE:g} / m of: by default they are passed on "
        "untouched, though not here",
        1,
        None,
        100.0,
    ),
)
"""Where the truth is known."""

JUDGED = ("miou", "iiou", "category_miou", "category_iiou", "map_psnr", "map_ssim", "poster_psnr", "poster_ssim")
"""Those that need a judge."""

CURVES = ("psnr", "ssim", "miou", "iiou", "category_miou", "category_iiou")
"""Those that are drawn against β."""

NO_REFERENCE = (
    Column("contrast", "contrast", "standard deviation of the luminance in [0, 1], mean over frames"),
    Column("edges_after", "visible edges, %", "share of the pixels on edges of more than 5 % contrast", 1, scale=100.0),
    Column("new_edges", "e", "by how much the number of visible edges grew, over all frames (Hautière et al. 2008)", 2),
    Column("gradient_gain", "r", "how many times steeper visible edges are than in the hazy frame, geometric mean", 2),
    Column(
        "fog_density", "β left, 1/m", "attenuation coefficient that the shipped model sees in the result", 4, "lowest"
    ),
    Column("confidence", "confidence", "the judge's mean probability of the class that it chose"),
    Column("blackened", "blackened, %", "share of the pixels that became black", 2, "lowest", 100.0),
    Column("blown", "blown, %", "share of the pixels that became white", 2, "lowest", 100.0),
    Column("cast", "cast, ΔE", "how far what was grey moved in colour, CIELAB", 1, "lowest"),
    Column("reversed", "reversed, %", "share of visible edges whose gradient turned round: halos", 2, "lowest", 100.0),
    Column(
        "flicker",
        "flicker",
        "mean difference of the luminance from the frame before, moved as the input moved, 8-bit levels",
        2,
        "lowest",
    ),
    Column(
        "flicker_relative", "flicker / contrast", "the same over the standard deviation of the luminance", 3, "lowest"
    ),
)
"""Where the truth is not known."""
