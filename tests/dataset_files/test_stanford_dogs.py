from pathlib import Path

from PIL import Image

from visionflan.dataset import BrokenRow
from visionflan.datasets import stanford_dogs
from visionflan.layouts.wordnet import names
from visionflan.specimens import write_image


def test_the_breed_follows_from_the_id_and_not_from_the_directory(tmp_path: Path) -> None:
    folders = ("n02086646-Blenheim_spaniel", "n02088632-bluetick", "n02107142-Doberman", "lists")
    for folder in folders:
        path = tmp_path / "images" / "Images" / folder / "1.jpg"
        write_image(path, Image.new("RGB", (8, 8)))
    first, *rows = stanford_dogs.read(tmp_path)
    assert isinstance(first, BrokenRow)
    labels = [row.label for row in rows if not isinstance(row, BrokenRow)]
    assert labels == ["King Charles spaniel", "bluetick coonhound", "Doberman"]


def test_the_drawn_breeds_are_named_as_their_ids_are() -> None:
    rows = [(identifier, breed) for identifier, (breed, _) in stanford_dogs.COATS.items()]
    for identifier, breed in rows:
        assert breed.replace("_", " ") in names()[identifier]
