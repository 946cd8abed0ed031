"""Open a benchmark's release: its rows become items, its pictures are found by content."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from hashlib import sha256
from pathlib import Path

from visionflan.dataset import IMAGE_MARKER
from visionflan.errors import EvaluationError, ReleaseError, UnknownNameError
from visionflan.evaluate import benchmarks
from visionflan.evaluate.benchmark import Benchmark, BenchmarkRow
from visionflan.evaluate.benchmark_files import picture_fault
from visionflan.evaluate.records.header import TaskHeader
from visionflan.evaluate.records.record import sample_key
from visionflan.evaluate.requests import EvalSet, Item, merge_clusters


class BenchmarkRelease:
    """The files of a benchmark on disk, read once; pictures that are files stay where they are."""

    def __init__(self, name: str, root: Path) -> None:
        self.name, self.path = name, root
        self.benchmark: Benchmark = benchmarks.load(name)
        if not root.is_dir():
            raise EvaluationError(
                f"there is no folder {root}: {name} is read from there, as "
                f"`visionflan benchmarks {name}` tells"
            )
        self.pictures: dict[str, Path | bytes] = {}
        self.known: dict[Path, str] = {}
        try:
            self.rows = list(self.benchmark.rows(root))
        except ReleaseError as fault:
            raise EvaluationError(
                f"{name} cannot be read: {fault}; `visionflan benchmarks {name}` tells which files "
                "it needs"
            ) from fault
        if not self.rows:
            raise EvaluationError(f"{root} holds no question of {name}")
        self.images = [tuple(map(self.identified, row.images)) for row in self.rows]
        content = [repr((row._replace(images=()), images)) for row, images in self.pairs()]
        self.digest = sha256("\n".join(content).encode()).hexdigest()

    def pairs(self) -> Iterable[tuple[BenchmarkRow, tuple[str, ...]]]:
        """Give each row with the ids of its images."""
        return zip(self.rows, self.images, strict=True)

    def identified(self, picture: Path | bytes) -> str:
        """Name a picture by its encoded bytes; a file is read once."""
        if isinstance(picture, Path):
            if picture not in self.known:
                self.known[picture] = self.kept(picture, picture.read_bytes())
            return self.known[picture]
        return self.kept(picture, picture)

    def kept(self, picture: Path | bytes, encoded: bytes) -> str:
        """Remember where a picture is to be had; one that is none or was cut off is refused."""
        image_id = sha256(encoded).hexdigest()
        if image_id not in self.pictures:
            self.pictures[image_id] = picture
            if fault := picture_fault(encoded):
                location = self.describe_image_location(image_id)
                raise EvaluationError(
                    f"{self.name}: {location} is no picture or was cut off: "
                    f"{fault}; take it from the release again"
                )
        return image_id

    def image(self, image_id: str, /) -> bytes:
        """Read the encoded bytes of an image."""
        picture = self.pictures[image_id]
        return picture.read_bytes() if isinstance(picture, Path) else picture

    def describe_image_location(self, image_id: str, /) -> str:
        """Tell where an image lies."""
        picture = self.pictures[image_id]
        inside = f"the picture with sha256 {image_id[:12]} in {self.path}"
        return str(picture) if isinstance(picture, Path) else inside

    def image_group(self, image_id: str, /) -> str:
        """Take only the same bytes for the same picture: benchmarks hold few that are near."""
        return image_id

    @property
    def parts(self) -> set[str]:
        """Name the parts as tasks: `benchmark/part`."""
        return {f"{self.name}/{row.part}" for row in self.rows}

    @property
    def version(self) -> str:
        """What the benchmark says of the version of these files."""
        return self.benchmark.version(self.path) if self.benchmark.version else ""

    def chosen(self, style: str = "", parts: Collection[str] = ()) -> EvalSet:
        """Ask the questions of some parts, by default of all, in a style, by default the first."""
        style = style or next(iter(self.benchmark.styles))
        if style not in self.benchmark.styles:
            known = ", ".join(self.benchmark.styles)
            raise UnknownNameError(f"{self.name} has no prompt style {style!r}: it has {known}")
        items: dict[str, list[Item]] = defaultdict(list)
        seen: Counter[tuple[str, str]] = Counter()
        for row, images in self.pairs():
            made = self.item(row, images, style)
            if not parts or made.task in parts:
                seen[made.task, made.sample_key] += 1
                items[made.task].append(told_apart(made, seen[made.task, made.sample_key]))
        return EvalSet(
            items=merge_clusters(items),
            tasks={task: self.header(task, members) for task, members in items.items()},
            sources=(self,),
            benchmark=self.name,
            prompt_style=style,
            data_version=self.version,
        )

    def item(self, row: BenchmarkRow, images: tuple[str, ...], style: str) -> Item:
        """Make an item of a row."""
        words = self.benchmark.styles[style](row)
        if images and IMAGE_MARKER not in words:
            words = f"{IMAGE_MARKER}\n" * len(images) + words
        references = row.references or (row.target,)
        key = sample_key(images, words, row.options, references)
        choices = len(row.options) or len(row.candidates)
        return Item(
            source=self,
            task=f"{self.name}/{row.part}",
            instance=row.key,
            sample_key=key,
            prompt=words,
            images=images,
            image_cluster=row.image_cluster or (images[0] if images else key),
            options=row.options,
            target=row.target,
            references=references,
            metric=self.name,
            chance_score=1 / choices if choices else None,
            prompt_style=style,
            item_group=row.item_group,
            categories=row.categories,
            judge_context=row.judge_context,
            candidates=row.candidates,
        )

    def header(self, task: str, items: Collection[Item]) -> TaskHeader:
        """Put down what is known of a part."""
        part = task.split("/", maxsplit=1)[1]
        return TaskHeader(
            dataset=self.name,
            official_name=part,
            title=f"{self.benchmark.title}: {part}",
            category="",
            group="",
            metric=self.name,
            sensitive=False,
            num_train=0,
            held_out=len(items),
            num_train_answers=0,
            candidates=(),
            conversation=False,
        )


def told_apart(item: Item, time: int) -> Item:
    """Give a question that a part asks again a name of its own, since official scores count it."""
    if time == 1:
        return item
    return item._replace(sample_key=sha256(f"{item.sample_key} {time}".encode()).hexdigest())
