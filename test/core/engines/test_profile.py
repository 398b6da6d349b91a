"""What frames an engine takes follows from the model file, from what was asked for, and from nothing else."""

import pytest

from dfs_core.engines.profile import OPEN, Profile, choose_profile, parse_size
from dfs_core.errors import EngineError


@pytest.mark.parametrize(
    ("shape", "held"), [((1, 64, 64), True), ((2, 128, 256), True), ((3, 64, 64), False), ((1, 63, 64), False)]
)
def test_a_profile_knows_what_it_holds(shape, held):
    assert Profile((1, 64, 64), (1, 64, 64), (2, 128, 256)).holds(shape) is held


@pytest.mark.parametrize(
    "shapes",
    [
        ((1, 64, 64), (1, 32, 64), (1, 128, 128)),
        ((1, 64, 64), (2, 64, 64), (1, 128, 128)),
        ((0, 64, 64), (1, 64, 64), (1, 128, 128)),
    ],
)
def test_a_profile_that_is_not_in_order_is_refused(shapes):
    with pytest.raises(EngineError, match="from the smallest over the usual to the largest, all at least 1, not"):
        Profile(*shapes)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, Profile()),
        ({"largest": (None, 720, 1280)}, Profile((1, 1, 1), (1, 720, 1280), (4, 720, 1280))),
        ({"usual": (None, 4000, 6000)}, Profile((1, 1, 1), (1, 4000, 6000), (4, 4000, 6000))),
        ({"smallest": (None, 2000, 3000)}, Profile((1, 2000, 3000), (1, 2000, 3000), (4, 2160, 3840))),
        ({"usual": (6, None, None)}, Profile((1, 1, 1), (6, 1080, 1920), (6, 2160, 3840))),
        (
            {"usual": (2, 540, 960), "largest": (6, None, None)},
            Profile((1, 1, 1), (2, 540, 960), (6, 2160, 3840)),
        ),
    ],
)
def test_what_is_not_asked_for_moves_only_as_far_as_it_must(asked, expected):
    assert choose_profile(**asked) == expected


def test_what_the_file_fixes_is_taken_from_it():
    expected = Profile((1, 720, 1280), (2, 720, 1280), (4, 720, 1280))
    assert choose_profile((None, 720, 1280), usual=(2, None, None), largest=(4, 720, None)) == expected
    assert choose_profile((3, None, None)).smallest == (3, 1, 1)


def test_what_the_file_fixes_otherwise_is_refused():
    with pytest.raises(EngineError, match="takes frames of width 1280 only, not 1920; leave the option out"):
        choose_profile((None, 720, 1280), usual=(None, 720, 1920))


def test_what_contradicts_itself_is_refused():
    with pytest.raises(EngineError, match=r"not \(1, 720, 1280\), .*\(1, 540, 960\)"):
        choose_profile(OPEN, smallest=(None, 720, 1280), largest=(None, 540, 960))


def test_a_size_is_width_then_height():
    assert parse_size("1920x1080") == (1080, 1920)


@pytest.mark.parametrize("words", ["1920", "1920x", "axb", "1920x1080x3", "-1x5"])
def test_what_is_no_size_is_refused(words):
    with pytest.raises(EngineError, match=f"WIDTHxHEIGHT in pixels, such as 1920x1080, not '{words}'"):
        parse_size(words)


@pytest.mark.parametrize(
    ("profile", "words"),
    [
        (Profile(), "frames 1x1 to 3840x2160, best at 1920x1080, batch 1 to 4, best at 1"),
        (Profile((1, 720, 1280), (4, 720, 1280), (4, 720, 1280)), "frames 1280x720, batch 1 to 4"),
    ],
)
def test_a_profile_says_what_it_is(profile, words):
    assert str(profile) == words


def test_what_a_file_was_made_for_is_the_largest_unless_more_is_asked_for():
    made_for = (None, 720, 1280)
    assert choose_profile(made_for=made_for) == Profile((1, 1, 1), (1, 720, 1280), (4, 720, 1280))
    asked = choose_profile(made_for=made_for, largest=(8, 1080, 1920))
    assert asked == Profile((1, 1, 1), (1, 720, 1280), (8, 1080, 1920))
