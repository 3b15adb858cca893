"""Groups of sequences of similar length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def buckets(lengths: Sequence[int], most: int, longest: int) -> Iterator[list[int]]:
    """Groups sequences of similar length.

    Args:
        lengths: Of the sequences.
        most: The most of them in a group.
        longest: A group takes no more memory than one sequence of this length: that of attention, which grows with the
            square of the length.

    Yields:
        Indices of each group, the shortest first.
    """
    group: list[int] = []
    for index in sorted(range(len(lengths)), key=lengths.__getitem__):
        area = (len(group) + 1) * lengths[index] ** 2
        if group and (len(group) == most or area > longest**2):
            yield group
            group = []
        group.append(index)
    if group:
        yield group
