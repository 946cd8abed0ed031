"""Open a benchmark's release: its rows as items, its images by content."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from hashlib import sha256
from pathlib import Path

from visionflan.dataset import IMAGE_MARKER
from visionflan.errors import EvaluationError, ReleaseError, UnknownNameError
from visionflan.evaluate import benchmarks
from visionflan.evaluate.benchmark import Benchmark, BenchmarkRow
from visionflan.evaluate.benchmark_files import image_error
from visionflan.evaluate.records.header import TaskHeader
from visionflan.evaluate.records.record import sample_key
from visionflan.evaluate.requests import EvalSet, Item, merge_clusters


class BenchmarkRelease:
    """The files of a benchmark on disk, read once; image files are read again when needed."""

    def __init__(self, name: str, root: Path) -> None:
        self.name, self.path = name, root
        self.benchmark: Benchmark = benchmarks.load(name)
        if not root.is_dir():
            raise EvaluationError(
                f"{root} does not exist: put the files of {name} there, as "
                f"`visionflan benchmarks {name}` describes"
            )
        self.images: dict[str, Path | bytes] = {}  # by id
        self.ids_by_path: dict[Path, str] = {}
        try:
            self.rows = list(self.benchmark.rows(root))
        except ReleaseError as error:
            raise EvaluationError(
                f"{name} cannot be read: {error}; `visionflan benchmarks {name}` lists the files "
                "it needs"
            ) from error
        if not self.rows:
            raise EvaluationError(f"{root} contains no question of {name}")
        self.image_ids = [tuple(map(self.image_id, row.images)) for row in self.rows]
        content = [repr((tuple(row._replace(images=())), ids)) for row, ids in self.rows_with_ids()]
        self.digest = sha256("\n".join(content).encode()).hexdigest()

    def rows_with_ids(self) -> Iterable[tuple[BenchmarkRow, tuple[str, ...]]]:
        """Return each row with the ids of its images."""
        return zip(self.rows, self.image_ids, strict=True)

    def image_id(self, image: Path | bytes) -> str:
        """Return the sha256 of an image's encoded bytes; a file is read once."""
        if not isinstance(image, Path):
            return self.add_image(image, image)
        if image not in self.ids_by_path:
            self.ids_by_path[image] = self.add_image(image, image.read_bytes())
        return self.ids_by_path[image]

    def add_image(self, image: Path | bytes, encoded: bytes) -> str:
        """Register where an image is stored; raise EvaluationError if it is broken."""
        image_id = sha256(encoded).hexdigest()
        if image_id not in self.images:
            self.images[image_id] = image
            if error := image_error(encoded):
                location = self.describe_image_location(image_id)
                raise EvaluationError(
                    f"{self.name}: {location} is not an image or is truncated ({error}): copy it "
                    "from the release again"
                )
        return image_id

    def image(self, image_id: str, /) -> bytes:
        """Return the encoded bytes of an image."""
        image = self.images[image_id]
        return image.read_bytes() if isinstance(image, Path) else image

    def describe_image_location(self, image_id: str, /) -> str:
        """Return where an image is stored, for messages."""
        image = self.images[image_id]
        if isinstance(image, Path):
            return str(image)
        return f"the image with sha256 {image_id[:12]} in {self.path}"

    def image_group(self, image_id: str, /) -> str:
        """Return the image itself: benchmarks have few near-duplicates."""
        return image_id

    @property
    def parts(self) -> set[str]:
        """The parts as tasks: `benchmark/part`."""
        return {f"{self.name}/{row.part}" for row in self.rows}

    @property
    def data_version(self) -> str:
        """The version of the files, as far as the benchmark can tell."""
        return self.benchmark.version(self.path) if self.benchmark.version else ""

    def eval_set(self, style: str = "", parts: Collection[str] = ()) -> EvalSet:
        """Return the items of some parts (default: all) in a prompt style (default: the first)."""
        style = style or next(iter(self.benchmark.styles))
        if style not in self.benchmark.styles:
            known = ", ".join(self.benchmark.styles)
            raise UnknownNameError(f"{self.name} has no prompt style {style!r}: use {known}")
        items: dict[str, list[Item]] = defaultdict(list)
        counts: Counter[tuple[str, str]] = Counter()
        for row, image_ids in self.rows_with_ids():
            item = self.make_item(row, image_ids, style)
            if not parts or item.task in parts:
                counts[item.task, item.sample_key] += 1
                items[item.task].append(distinct_item(item, counts[item.task, item.sample_key]))
        return EvalSet(
            items=merge_clusters(items),
            tasks={task: self.task_header(task, members) for task, members in items.items()},
            sources=(self,),
            benchmark=self.name,
            prompt_style=style,
            data_version=self.data_version,
        )

    def make_item(self, row: BenchmarkRow, image_ids: tuple[str, ...], style: str) -> Item:
        """Return a row as an item."""
        prompt = self.benchmark.styles[style](row)
        if image_ids and IMAGE_MARKER not in prompt:
            prompt = f"{IMAGE_MARKER}\n" * len(image_ids) + prompt
        references = row.references or (row.target,)
        key = sample_key(image_ids, prompt, row.options, references)
        choices = len(row.options) or len(row.candidates)
        return Item(
            source=self,
            task=f"{self.name}/{row.part}",
            instance=row.key,
            sample_key=key,
            prompt=prompt,
            images=image_ids,
            image_cluster=row.image_cluster or (image_ids[0] if image_ids else key),
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

    def task_header(self, task: str, items: Collection[Item]) -> TaskHeader:
        """Return the header of a part."""
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


def distinct_item(item: Item, occurrence: int) -> Item:
    """Return a repeated question with its own sample key, since official scores count it twice."""
    if occurrence == 1:
        return item
    return item._replace(sample_key=sha256(f"{item.sample_key} {occurrence}".encode()).hexdigest())
