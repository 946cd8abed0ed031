"""Builds made of other builds: some of their tasks, several together, other phrasings."""

from pathlib import Path

import pytest

from visionflan import catalog
from visionflan.builder.combine import combine_builds
from visionflan.builder.combined_manifest import combined_decontamination
from visionflan.builder.conversations import write_conversations
from visionflan.builder.plan import BuildSettings
from visionflan.builder.rephrase import rephrase_build
from visionflan.builder.run import build
from visionflan.builder.subset import subset_digest, write_subset
from visionflan.errors import BuildError
from visionflan.prompt import find_phrasing
from visionflan.storage.directory import BuildDirectory

MANY = "tdiuc/vqa_counting"  # has several phrasings


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> BuildDirectory:
    directory = tmp_path_factory.mktemp("derived")
    for name in ("caltech101", "tdiuc"):
        catalog.load(name).write_specimen(directory / "releases" / name, 24)
    settings = BuildSettings(hold_out_images=0.25)
    build(directory / "releases", directory / "build", settings, workers=1)
    return BuildDirectory(directory / "build")


def rows(directory: BuildDirectory) -> dict[str, object]:
    return {instance.id: instance for instance in directory.instances()}


def test_a_subset_has_the_instances_of_its_tasks_and_no_others(
    source: BuildDirectory, tmp_path: Path
) -> None:
    tasks = ["caltech101/image_classification", MANY]
    subset = write_subset(source, tmp_path / "subset", tasks)
    assert rows(subset) == {i.id: i for i in source.instances(tasks=tasks)}
    assert sorted(subset.tasks) == sorted(tasks)
    assert subset.digest == subset_digest(source, tasks) != source.digest
    instance = subset.instances("train")[0]
    assert subset.image(instance.images[0]) == source.image(instance.images[0])


def test_a_subset_of_all_tasks_is_the_same_data(source: BuildDirectory, tmp_path: Path) -> None:
    subset = write_subset(source, tmp_path / "subset", list(source.manifest["tasks"]))
    assert subset.digest == source.digest
    assert subset.manifest["totals"] == source.manifest["totals"]


def test_a_subset_without_tasks_is_refused(source: BuildDirectory, tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"no task of .* is left: select some"):
        write_subset(source, tmp_path / "subset", [])
    assert not (tmp_path / "subset").exists()


def test_an_interrupted_subset_is_written_again(source: BuildDirectory, tmp_path: Path) -> None:
    (tmp_path / "subset.unfinished" / "instances").mkdir(parents=True)
    (tmp_path / "subset.unfinished" / "instances" / "old.parquet").touch()
    subset = write_subset(source, tmp_path / "subset", [MANY])
    assert [path.name for path in (subset.path / "instances").iterdir()] == [
        "tdiuc.vqa_counting.parquet"
    ]


def test_a_combined_build_has_all_instances_and_images(
    source: BuildDirectory, tmp_path: Path
) -> None:
    conversations = write_conversations(source, tmp_path / "conversations", 12)
    both = combine_builds([source, conversations], tmp_path / "both")
    assert rows(both) == rows(source) | rows(conversations)
    for instance in both.instances():
        for image in instance.images:
            assert both.image(image) == source.image(image)
            assert both.image_header(image) == source.image_header(image)
            assert both.index.phash(image) == source.index.phash(image)
            assert both.image_group(image) == source.image_group(image)
    total = source.manifest["totals"]["instances"] + conversations.manifest["totals"]["instances"]
    assert both.manifest["totals"]["instances"] == total == len(both.instances())
    assert combine_builds([source, conversations], tmp_path / "both").digest == both.digest
    with pytest.raises(BuildError, match="already has another build: choose a new directory"):
        combine_builds([conversations, source], tmp_path / "both")


def test_a_combined_build_counts_the_images_and_official_splits_of_all(
    source: BuildDirectory, tmp_path: Path
) -> None:
    """Of one task of a dataset, and of all the others, what all of them have together."""
    releases, tasks = source.path.parent / "releases", sorted(source.tasks)
    parts = [
        BuildDirectory(tmp_path / name)
        for name, chosen in (("one", tasks[-1:]), ("others", tasks[:-1]))
        if build(releases, tmp_path / name, BuildSettings(tasks=tuple(chosen)), workers=1)
    ]
    both = combine_builds(parts, tmp_path / "both").manifest
    build(releases, tmp_path / "all", BuildSettings(), workers=1)
    expected = BuildDirectory(tmp_path / "all").manifest
    assert both["totals"] == expected["totals"]
    assert both["official_splits"] == expected["official_splits"]
    assert parts[0].manifest["totals"]["images"] < expected["totals"]["images"]


def with_decontamination(source: BuildDirectory, **record: object) -> BuildDirectory:
    """Return a build whose manifest has a record of decontamination."""
    copy = BuildDirectory(source.path)
    copy.manifest = {**source.manifest, "about": {"decontamination": record}}
    return copy


def test_combined_builds_are_clean_of_what_all_of_them_were_compared_with(
    source: BuildDirectory,
) -> None:
    pope, mme, other = ({"name": name, "digest": name} for name in ("pope", "mme", "other"))
    first = with_decontamination(
        source, against=[pope, mme], report_only=False, overlaps={"pope": {"a": 1}}
    )
    second = with_decontamination(
        source, against=[other, pope], report_only=True, overlaps={"pope": {"a": 2, "b": 1}}
    )
    assert combined_decontamination([first, second]) == {
        "decontamination": {
            "against": [pope],
            "report_only": True,
            "overlaps": {"pope": {"a": 3, "b": 1}},
        }
    }
    assert combined_decontamination([first, source]) == {}


def test_builds_with_a_task_in_common_are_not_combined(
    source: BuildDirectory, tmp_path: Path
) -> None:
    with pytest.raises(BuildError, match="both have the task caltech101/image_classification"):
        combine_builds([source, source], tmp_path / "both")


def test_an_image_held_out_in_one_build_may_not_train_in_another(
    source: BuildDirectory, tmp_path: Path
) -> None:
    build(
        source.path.parent / "releases",
        tmp_path / "all",
        BuildSettings(tasks=("caltech101/*",)),
        workers=1,
    )
    rest = write_subset(source, tmp_path / "rest", ["caltech101/living_thing_classification"])
    everything = write_subset(
        BuildDirectory(tmp_path / "all"), tmp_path / "one", ["caltech101/image_classification"]
    )
    with pytest.raises(BuildError, match=r"is trained on in .*, and it or one like it is held out"):
        combine_builds([rest, everything], tmp_path / "both")


def test_training_prompts_are_in_all_phrasings_but_those_held_back(
    source: BuildDirectory, tmp_path: Path
) -> None:
    phrasings = {task: info.phrasings for task, info in source.tasks.items()}
    many = [task for task in phrasings if len(phrasings[task]) == 5]
    changed = rephrase_build(source, tmp_path / "several", held_back=1, seed=0)
    instances = list(changed.instances("train", many))
    chosen = {find_phrasing(instance.prompt, phrasings[instance.task]) for instance in instances}
    assert chosen == {0, 1, 2, 3}
    before = {i.id: i for i in source.instances()}
    for instance in changed.instances():
        old = before[instance.id]
        assert instance._replace(turns=(), instruction="") == old._replace(turns=(), instruction="")
        assert instance.turns[1:] == old.turns[1:]
        if instance.split == "held_out":
            assert instance == old
    assert changed.digest != source.digest
    again = rephrase_build(source, tmp_path / "again", held_back=1, seed=0)
    assert again.digest == changed.digest
    assert rephrase_build(source, tmp_path / "other", held_back=1, seed=1).digest != changed.digest


def test_a_build_without_phrasings_is_refused(source: BuildDirectory, tmp_path: Path) -> None:
    subset = write_subset(source, tmp_path / "subset", ["tdiuc/vqa_color"])
    with pytest.raises(BuildError, match=r"no task of .* has 3 phrasings"):
        rephrase_build(subset, tmp_path / "several", held_back=1, seed=0)
