"""What was not built is listed with the reason, and many of one reason in one line."""

from visionflan.report.run_page.data import MAX_OWN_LINES, unbuilt_reasons


def test_many_tasks_and_datasets_of_one_reason_are_one_line() -> None:
    few, many = range(MAX_OWN_LINES), range(MAX_OWN_LINES + 1)
    excluded = {"status": "excluded", "message": "no review"}
    manifest = {
        "datasets": {
            "built": {"status": "built"},
            **{f"d{number}": excluded for number in many},
            "odd": {"status": "failed"},
        },
        "about": {
            "excluded_tasks": {
                **{f"a/{number}": "not reviewed: draft" for number in many},
                **{f"b/{number}": "sensitive" for number in few},
            }
        },
    }
    assert list(unbuilt_reasons(manifest)) == [
        ("6 datasets", "excluded: no review: d0, d1, d2, d3, d4, d5"),
        ("odd", "failed: no reason recorded"),
        ("6 tasks", "not reviewed: draft: a/0, a/1, a/2, a/3, a/4, a/5"),
        *((f"b/{number}", "sensitive") for number in few),
    ]
