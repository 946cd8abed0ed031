"""Text of others does nothing in the tables, pages and cards that show it."""

import csv
import re
from pathlib import Path

from tests.helpers.comparison_factory import make_pairs, scored_record
from tests.helpers.tiny_evaluation import tiny_build
from visionflan.analysis.study_links import add_study_link
from visionflan.builder.dataset_card import render_card
from visionflan.report import html
from visionflan.report.compare_page.csv_table import write_table
from visionflan.report.run_page.studies import study_entries

SCRIPT = "<script>alert(1)</script>"


def test_no_response_is_a_formula_in_the_table(tmp_path: Path) -> None:
    before = [scored_record(1.0, 0, response="=1+1", prompt="@SUM(A1)", references=("-x",))]
    after = [scored_record(0.0, 0, response="+cmd|' /C calc'!A0", target="-5")]
    write_table(tmp_path / "table.csv", make_pairs(before, after), "lenient")
    with (tmp_path / "table.csv").open(newline="") as file:
        (row,) = csv.DictReader(file)
    assert row["response_before"] == "'=1+1"
    assert row["response_after"] == "'+cmd|' /C calc'!A0"
    assert (row["target"], row["score_lenient_before"]) == ("-5", "1.0")
    assert not [cell for cell in row.values() if re.match(r"[=@]|[+-](?!\d)", cell)]


def test_a_card_shows_hostile_titles_as_they_are(tmp_path: Path) -> None:
    manifest = tiny_build(tmp_path / "build", 2).manifest
    hostile = {
        "status": "built",
        "title": f"A [link](javascript:alert(1)) {SCRIPT}\n\n# heading | cell",
        "license": f"MIT {SCRIPT}",
        "citation": "![image](http://example.org/x)",
        "homepage": "javascript:alert(1)",
    }
    about = {**manifest["about"], "title": f"Set {SCRIPT}\n---"}
    card = render_card({**manifest, "about": about, "datasets": {"x": hostile}})
    assert SCRIPT not in card
    assert "\n# heading" not in card
    assert not re.search(r"(?<!\\)\]\(javascript", card)
    assert "- home: `javascript:alert(1)`" in card
    assert "!\\[image\\]" in card
    safe = render_card({**manifest, "datasets": {"x": {**hostile, "homepage": "https://a.org/b"}}})
    assert "- home: <https://a.org/b>" in safe


def test_pages_link_to_the_web_only() -> None:
    templates = html.environment()
    linked = 0
    for path in Path(html.__file__).parent.rglob("*.html"):
        for condition, value in re.findall(
            r"({% if [^%]*%})?<a [^>]*href=\"{{ ([^}]*) }}", path.read_text()
        ):
            linked += 1
            if value == "study.href":  # a path on this disk, see the test below
                continue
            assert condition == f"{{% if {value} | web_link %}}"
    assert linked > 0
    link = templates.from_string("{{ 'javascript:alert(1)' | web_link }}").render()
    assert link == ""


def test_a_study_in_a_directory_named_like_a_script_is_linked_as_a_path(tmp_path: Path) -> None:
    study = tmp_path / "javascript:alert(1)"
    study.mkdir()
    (study / "index.html").touch()
    add_study_link(tmp_path, study, SCRIPT)
    (entry,) = study_entries(tmp_path, tmp_path / "report.html")
    assert entry.href == "javascript%3Aalert%281%29/index.html"
