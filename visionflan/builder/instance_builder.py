"""Fill the tasks of one dataset up to their caps with rows whose pictures are good."""

from collections import deque
from collections.abc import Callable, Sequence
from hashlib import blake2b
from pathlib import PurePath

from visionflan.builder.image_cache import ImageCheckCache
from visionflan.builder.image_store import ImageStore, StoredImage
from visionflan.builder.image_workers import ImageFault
from visionflan.builder.parts import TableWriter
from visionflan.builder.sampling import Candidate, ReleasePass, TaskSampler
from visionflan.dataset import Example
from visionflan.errors import ReleaseError, UnusableError
from visionflan.image_sources import ArchiveMember, ImageSource, describe_source
from visionflan.prompt import render
from visionflan.storage.image_checks import SUFFIXES
from visionflan.storage.instance import Instance

QuestionIndex = dict[
    bytes, tuple[str, str]
]  # what was asked before: by which row, with which answer

REREAD_FACTOR = 4  # times as many rows are read again when too few of the first ones were good


class DroppedRowError(UnusableError):
    """A candidate cannot be kept, perhaps because of one of its pictures."""

    def __init__(self, reason: str, detail: str, picture: ImageSource | None = None) -> None:
        super().__init__(reason, detail)
        self.picture = picture


class InstanceBuilder:
    """Make instances of the candidates of one dataset, in their order."""

    def __init__(
        self,
        reading: ReleasePass,
        pictures: ImageCheckCache,
        stored: ImageStore,
        instances: TableWriter,
        progress: Callable[[], object],
    ) -> None:
        self.reading, self.pictures, self.stored = reading, pictures, stored
        self.instances, self.progress = instances, progress

    def fill(self, choice: TaskSampler, cap: int) -> None:
        """Take the rows of a task by rank until the cap is reached or none is left."""
        candidates, done = choice.candidates(), 0
        asked: QuestionIndex = {}
        keys: set[str] = set()
        while choice.counts.kept < cap and done < choice.usable:
            if done >= len(candidates):
                candidates = self.read_more(choice, REREAD_FACTOR * done)
            batch = candidates[done : done + cap - choice.counts.kept]
            done += len(batch)
            shown = [(candidate, candidate.example.images) for candidate in batch]
            for candidate in self.pictures.checked(shown, self.stored):
                self.progress()
                try:
                    instance = self.instance(choice, candidate, keys, asked)
                except DroppedRowError as lost:
                    picture = lost.picture
                    self.reading.drop(choice, candidate.key, lost.reason, lost.detail, picture)
                else:
                    self.instances.add(instance)
                    choice.counts.kept += 1
        choice.counts.over_cap = choice.usable - done
        choice.heap = []

    def read_more(self, choice: TaskSampler, limit: int) -> list[Candidate]:
        """Read the release again and keep more rows of a task than before."""
        again = TaskSampler(choice.id, choice.task, choice.seed, limit)
        reading = ReleasePass(self.reading.name, self.reading.dataset, self.reading.data_root)
        deque(reading.run([again]), maxlen=0)
        if again.usable != choice.usable:
            raise ReleaseError(f"{self.reading.root} gave other rows when it was read again")
        return again.candidates()

    def instance(
        self, choice: TaskSampler, candidate: Candidate, keys: set[str], asked: QuestionIndex
    ) -> Instance:
        """Make an instance and store its pictures."""
        example, task = candidate.example, choice.task
        images = self.image_ids(example)
        if candidate.key in keys:
            raise DroppedRowError("repeated_key", "another row of the task has the same key")
        if (question := question_fingerprint(images, example)) in asked:
            key, target = asked[question]
            other = "with the same answer" if target == example.target else "with another answer"
            raise DroppedRowError("duplicate", f"the row {key} asks the same, {other}")
        try:
            shown = render(task.instruction, example, choice.seed, choice.id, candidate.key)
            self.store(example.images, images)
        except UnusableError as fault:
            raise DroppedRowError(fault.reason, fault.detail) from fault
        keys.add(candidate.key)
        asked[question] = candidate.key, example.target
        self.note(choice, candidate)
        answers = example.references
        return Instance(
            id=f"{choice.id}/{candidate.key}",
            dataset=self.reading.name,
            task=choice.id,
            split="train",
            key=candidate.key,
            images=images,
            turns=shown.turns,
            instruction=task.instruction,
            text=example.text,
            options=shown.options,
            target=example.target,
            references=answers if example.target in answers else (example.target, *answers),
            metric=task.metric,
            synthetic=False,
        )

    def store(self, shown: Sequence[ImageSource], images: Sequence[str]) -> None:
        """Store those of the pictures that are not stored yet."""
        for picture, image_id in zip(shown, images, strict=True):
            if image_id not in self.stored.ids:
                good = self.pictures.good(picture, image_id)
                self.stored.add(good.image, good.encoded)

    def image_ids(self, example: Example) -> tuple[str, ...]:
        """Give the content hashes of the pictures, which all must be good."""
        if not example.images:
            raise DroppedRowError("no_image", "the row shows no picture")
        ids = []
        for picture in example.images:
            known = self.pictures.known[describe_source(picture)]
            if isinstance(known, ImageFault):
                raise DroppedRowError(*known, picture)
            ids.append(known.id)
        return tuple(ids)

    def note(self, choice: TaskSampler, candidate: Candidate) -> None:
        """Note what is odd about a row that is kept."""
        for mended in candidate.example.repaired:
            self.reading.note(choice, candidate.key, mended, "the dataset file mended the words")
        for picture in candidate.example.images:
            known = self.pictures.known[describe_source(picture)]
            name = picture.name if isinstance(picture, ArchiveMember | PurePath) else ""
            suffix = PurePath(name).suffix.lower()
            if isinstance(known, StoredImage) and suffix and suffix not in SUFFIXES[known.format]:
                detail = f"the picture is of the form {known.format}"
                self.reading.note(choice, candidate.key, "suffix_differs", detail, picture)


def question_fingerprint(images: Sequence[str], example: Example) -> bytes:
    """Sum up what is asked of which pictures, whatever the order of the options."""
    asked = "\x1f".join([*images, example.text, *sorted(example.options)])
    return blake2b(asked.encode(), digest_size=16).digest()
