"""The domains of CoVA as websites that a page shows."""

from pathlib import Path

from visionflan.dataset import BrokenRow
from visionflan.datasets.cova import Row, read


def test_what_stands_before_the_registered_name_is_cut_off(tmp_path: Path) -> None:
    rows = ["1,www.dell.com", "2,shop.usa.canon.com", "3,secretlab.co", "4,blackwells.co.uk"]
    table = tmp_path / "webpage_info.csv"
    table.write_text("\n".join(["webpage_name,domain", *rows]))
    *sites, last = read(tmp_path)
    assert [row.site for row in sites if isinstance(row, Row)] == [
        "dell.com",
        "canon.com",
        "secretlab.co",
    ]
    assert isinstance(last, BrokenRow)
