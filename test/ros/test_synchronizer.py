"""Which messages are handed over together: the nearest ones, once, in order, and never too far apart."""

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from dfs_ros.synchronizer import Synchronizer

Match = tuple[int, ...]


def matches(
    arrivals: Iterable[tuple[str, int]], *, tolerance: int, inputs: str = "ab", depth: int = 100
) -> list[Match]:
    """Return the stamps that are handed over together when messages come in this order."""
    found: list[Match] = []
    synchronizer = Synchronizer[int](
        tuple(inputs), lambda match: found.append(tuple(match)), tolerance_ns=tolerance, depth=depth
    )
    for name, stamp in arrivals:
        synchronizer.put(name, stamp, stamp)
    return found


def test_equal_stamps_are_handed_over_as_soon_as_the_last_is_there() -> None:
    assert matches([("b", 5), ("c", 5), ("a", 5)], tolerance=0, inputs="abc") == [(5, 5, 5)]
    assert matches([("a", 5), ("b", 5)], tolerance=0, inputs="abc") == []
    assert matches([("a", 5), ("b", 6), ("a", 6)], tolerance=0) == [(6, 6)]


def test_one_input_alone_is_handed_over_at_once() -> None:
    assert matches([("a", 1), ("a", 2)], tolerance=0, inputs="a") == [(1,), (2,)]


def test_a_message_waits_until_no_nearer_partner_can_come() -> None:
    assert matches([("b", 8), ("a", 10)], tolerance=5) == []
    assert matches([("b", 8), ("a", 10), ("b", 11)], tolerance=5) == [(10, 11)]
    assert matches([("b", 8), ("a", 10), ("b", 13)], tolerance=5) == [(10, 8)]


def test_a_message_that_waited_too_long_takes_what_is_there() -> None:
    arrivals = [("b", 8), *(("a", stamp) for stamp in (10, 20, 30))]
    assert matches(arrivals, tolerance=5, depth=2) == [(10, 8)]


def test_one_without_partners_is_given_up_and_counted() -> None:
    synchronizer = Synchronizer[int](("a", "b"), lambda _match: None, tolerance_ns=1)
    for name, stamp in (("a", 10), ("b", 20)):
        synchronizer.put(name, stamp, stamp)
    assert synchronizer.given_up == 1


def test_a_bag_that_begins_again_matches_as_the_first_time_whoever_is_first() -> None:
    once = [("a", 10), ("b", 10), ("b", 20), ("a", 20), ("b", 30)]
    other = [("b", 10), ("a", 10), ("a", 20), ("b", 20)]
    assert matches([*once, *other], tolerance=0) == [(10, 10), (20, 20), (10, 10), (20, 20)]
    assert matches([*once, ("a", 10), ("a", 20), ("b", 10), ("b", 20)], tolerance=0)[2:] == [(10, 10), (20, 20)]


stamps = st.lists(st.integers(0, 60), unique=True, max_size=12).map(sorted)


@given(stamps, stamps, st.randoms(use_true_random=False), st.integers(0, 10))
def test_whatever_the_order_of_arrival_each_gets_its_nearest_partner(
    leading: list[int], following: list[int], random: object, tolerance: int
) -> None:
    arrivals = interleaved({"a": leading, "b": following}, random)
    found = matches([*arrivals, ("b", 1000)], tolerance=tolerance)
    expected = []
    for stamp in leading:
        nearest = min(following, key=lambda other: (abs(other - stamp), other), default=None)
        if nearest is not None and abs(nearest - stamp) <= tolerance:
            expected.append((stamp, nearest))
    assert found == expected


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 40)), max_size=60), st.integers(0, 5))
def test_even_in_disorder_partners_are_near_and_no_message_is_handed_over_twice(
    arrivals: list[tuple[str, int]], tolerance: int
) -> None:
    taken: list[int] = []
    synchronizer = Synchronizer[tuple[int, int]](
        ("a", "b", "c"),
        lambda match: (taken.append(match[0][0]), [check_near(match[0][1], other[1], tolerance) for other in match]),
        tolerance_ns=tolerance,
        depth=4,
    )
    for number, (name, stamp) in enumerate(arrivals):
        synchronizer.put(name, stamp, (number, stamp))
    assert taken == sorted(set(taken))


def check_near(first: int, second: int, tolerance: int) -> None:
    assert abs(first - second) <= tolerance


def interleaved(queues: dict[str, list[int]], random: object) -> list[tuple[str, int]]:
    """Return the stamps of several inputs in a random order that keeps each input's own."""
    names = [name for name, entries in queues.items() for _ in entries]
    random.shuffle(names)  # type: ignore[attr-defined]
    left = {name: iter(entries) for name, entries in queues.items()}
    return [(name, next(left[name])) for name in names]
