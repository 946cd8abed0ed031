"""The overlaps of datasets with evaluation sets and with one another."""

import json
from inspect import getsource

import pytest

from visionflan import catalog, overlaps
from visionflan.cli import main

KNOWN = {*catalog.names(), *overlaps.EVALUATIONS, *overlaps.SOURCES}
PAIRS = overlaps.overlaps()


def test_every_name_is_a_dataset_an_evaluation_set_or_a_source() -> None:
    assert {name for pair in PAIRS for name in pair[:2]} <= KNOWN


def test_each_pair_is_stated_once_for_a_kind_and_holds_in_both_directions() -> None:
    stated = [(frozenset(pair[:2]), pair.kind) for pair in PAIRS]
    assert len(set(stated)) == len(stated)
    for pair in PAIRS:
        assert pair.one != pair.other
        assert pair in overlaps.overlaps_of(pair.one)
        assert pair in overlaps.overlaps_of(pair.other)


def test_each_overlap_has_a_note_of_one_sentence_and_its_witness() -> None:
    for pair in PAIRS:
        assert pair.note[0].isupper() or pair.note[0].isdigit()
        assert pair.note.endswith(".")
        assert pair.witness in {"dataset file", "owners' page", "owners' paper, from memory"}


def test_every_reader_that_looks_for_images_of_coco_is_listed_with_coco() -> None:
    looking = {name for name in catalog.names() if "coco_image(" in getsource(catalog.module(name))}
    assert len(looking) >= 9
    assert looking <= overlaps.sets_sharing_images("coco")


def test_every_file_that_states_a_known_overlap_is_listed() -> None:
    stating = {
        name for name in catalog.names() if "Known overlap" in getsource(catalog.module(name))
    }
    assert stating
    assert all(overlaps.overlaps_of(name) for name in stating)


def test_two_sets_with_images_of_a_third_are_found_in_both_directions() -> None:
    assert "okvqa" in overlaps.indirect_overlaps("POPE")["coco"]
    assert "POPE" in overlaps.indirect_overlaps("okvqa")["coco"]
    assert "miniImageNet" in overlaps.indirect_overlaps("cinic10")["ImageNet"]
    assert "imagenet_a" not in overlaps.indirect_overlaps("cinic10")["ImageNet"]


def test_the_command_prints_the_pairs(capsys: pytest.CaptureFixture[str]) -> None:
    assert main.main(["datasets", "--overlaps", "--json"]) == 0
    pairs = json.loads(capsys.readouterr().out)
    assert len(pairs) == len(PAIRS)
    assert main.main(["datasets", "cinic10", "--overlaps"]) == 0
    printed = capsys.readouterr().out
    assert "CIFAR-10" in printed
    assert "through ImageNet: " in printed
    assert "MNIST" not in printed


def test_an_unknown_name_is_refused_and_an_evaluation_set_is_not(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main.main(["datasets", "--overlaps", "POPE"]) == 0
    assert "coco" in capsys.readouterr().out
    assert main.main(["datasets", "--overlaps", "CIFER-10"]) == 1
    assert "CIFAR-10" in capsys.readouterr().err
