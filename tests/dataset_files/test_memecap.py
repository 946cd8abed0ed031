"""The lists of MemeCap hold NaN for what is missing, and blanks at the ends of names."""

from pathlib import Path

from visionflan.datasets.memecap import dataset
from visionflan.specimens import write_json


def test_a_missing_title_and_a_name_with_blanks_are_fixed(tmp_path: Path) -> None:
    texts = {"img_captions": ["a cat "], "meme_captions": ["Meme  poster waits.", ""]}
    meme = {"title": float("nan"), "img_fname": " memes_a.png ", "post_id": "a", **texts}
    write_json(tmp_path / "memes-test.json", [meme])
    (example,) = dataset.examples("meme_captioning", tmp_path)
    assert example.image == tmp_path / "memes" / "memes_a.png"
    assert (example.text, example.target) == ("", "Meme poster waits.")
    assert example.references == ("Meme poster waits.",)
    assert example.repaired == ("trimmed_blanks",)
