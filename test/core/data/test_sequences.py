"""How frames are divided: by recording, completely, never at random."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfs_core.data.sequences import divide, sequence_of


@pytest.mark.parametrize(
    ("name", "sequence"),
    [("0016E5_00390", "0016E5"), ("drive-7-0001", "drive-7"), ("frame0001", "frame"), ("0001", ""), ("house", "house"),
     ("aachen_000000_000019", "aachen_000000")],
)  # fmt: skip
def test_a_frame_belongs_to_what_its_name_is_called_without_the_last_number(name, sequence):
    assert sequence_of(name) == sequence


RECORDINGS = st.dictionaries(st.sampled_from("abcdefgh"), st.integers(1, 40), min_size=1)


@given(RECORDINGS, st.floats(0.05, 0.95))
def test_every_frame_is_in_one_part_and_no_recording_in_both(lengths, train_share):
    names = [f"{recording}_{number:03d}" for recording, length in lengths.items() for number in range(length)]
    train, validation = divide(names, train_share)
    assert sorted(train + validation) == sorted(names)
    if len(names) > 1:
        assert train
        assert validation
    if len(lengths) > 1:
        assert not {*map(sequence_of, train)} & {*map(sequence_of, validation)}
    else:
        assert not train or not validation or max(train) < min(validation)


def test_the_shortest_recordings_that_fit_are_validated_on():
    names = [
        f"{name}_{number}" for name, length in (("a", 60), ("b", 12), ("c", 8), ("d", 20)) for number in range(length)
    ]
    train, validation = divide(names, 0.8)
    assert {*map(sequence_of, validation)} == {"b", "c"}
    assert len(train) == 80


def test_the_end_of_a_single_recording_is_validated_on():
    assert divide([f"{number:02d}" for number in range(10)], 0.7)[1] == ["07", "08", "09"]
