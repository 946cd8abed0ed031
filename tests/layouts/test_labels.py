"""The words of a release are accepted beside those of a task."""

import pytest

from visionflan.layouts.labels import accepted_names


@pytest.mark.parametrize(
    ("target", "labels", "names"),
    [
        ("waste bin", ("trash_can",), ("waste bin", "trash can", "trash_can")),
        ("civic center", ("Center",), ("civic center", "Center")),
        ("couch", ("sofa",), ("couch", "sofa")),
        ("bare land", ("BareLand",), ("bare land", "BareLand")),
        ("car", ("Car",), ()),
        ("car", ("",), ()),
    ],
)
def test_each_label_is_accepted_once(
    target: str, labels: tuple[str, ...], names: tuple[str, ...]
) -> None:
    assert accepted_names(target, *labels) == names
