"""Make the instances of one dataset from sampled rows whose images are valid.

Data flow for one task, with at most `max_instances` instances:

    TaskSampler.candidates() -> PartChecks.check -> make_instance -> TableWriter
         ^ reread_candidates                            `-> ReleasePass (dropped, notes)
           if too few were valid
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import PurePath

from visionflan.builder.image_store import StoredImage
from visionflan.builder.image_workers import ImageFault
from visionflan.builder.ledger_reasons import NOTES
from visionflan.builder.part_checks import PartChecks
from visionflan.builder.parts import TableWriter, UnwrittenRow
from visionflan.builder.plan import BuildSettings
from visionflan.builder.release_reader import ReleaseReader
from visionflan.builder.sampling import Candidate, ReleasePass, TaskSampler
from visionflan.builder.split import HELD_OUT_SPLITS, stricter_split
from visionflan.dataset import Example
from visionflan.errors import ReleaseError, UnusableError
from visionflan.image_sources import ArchiveMember, ImageSource, describe_source
from visionflan.prompt import RenderedExample, choose_phrasing, render
from visionflan.storage.instance import Instance

QuestionIndex = dict[bytes, Instance]  # the instance of the first row with a question

REREAD_FACTOR = 4  # how many times as many rows are kept when the release is read again


class DroppedRowError(UnusableError):
    """A candidate is dropped, perhaps because of one of its images."""

    def __init__(self, reason: str, detail: str, image: ImageSource | None = None) -> None:
        super().__init__(reason, detail)
        self.image = image


@dataclass
class InstanceBuilder:
    """Make instances of the candidates of one dataset, in their order.

    Attributes:
        unwritten: the rows that are no instances, but count for the split.
        used_images: the ids of the images of the instances.
    """

    release: ReleasePass
    reader: ReleaseReader
    checks: PartChecks
    instances: TableWriter
    settings: BuildSettings
    progress: Callable[[], object]
    unwritten: set[UnwrittenRow] = field(default_factory=set)
    used_images: set[str] = field(default_factory=set)

    def build_task(
        self, sampler: TaskSampler, candidates: list[Candidate], max_instances: int
    ) -> None:
        """Make instances by sampling hash until there are `max_instances` or no more rows."""
        done = 0
        questions: QuestionIndex = {}
        keys: set[str] = set()
        while sampler.counts.written < max_instances and done < sampler.usable:
            if done >= len(candidates):
                candidates = self.reread_candidates(sampler, REREAD_FACTOR * done)
            batch = candidates[done : done + max_instances - sampler.counts.written]
            done += len(batch)
            self.checks.check(image for candidate in batch for image in candidate.example.images)
            for candidate in batch:
                self.progress()
                try:
                    self.add_instance(sampler, candidate, keys, questions)
                except DroppedRowError as error:
                    self.note_unwritten(candidate)
                    self.release.record_dropped(
                        sampler, candidate.key, error.reason, error.detail, error.image
                    )
                else:
                    sampler.counts.written += 1
        for instance in questions.values():
            self.instances.add(instance)
            self.used_images.update(instance.images)
        sampler.counts.over_cap = sampler.usable - done

    def reread_candidates(self, sampler: TaskSampler, limit: int) -> list[Candidate]:
        """Read the release again, keeping more rows of a task than before."""
        larger = TaskSampler(sampler.id, sampler.task, sampler.seed, limit)
        release = ReleasePass(self.release.name, self.release.dataset, self.release.data_root)
        self.reader.read(release, [larger])
        if larger.usable != sampler.usable:
            raise ReleaseError(f"{self.release.root} changed between two passes over its rows")
        return larger.candidates()

    def add_instance(
        self, sampler: TaskSampler, candidate: Candidate, keys: set[str], questions: QuestionIndex
    ) -> None:
        """Add an instance; raise DroppedRowError if it is unusable.

        Of rows with the same question the first one counts, with the strictest official split.
        """
        example = candidate.example
        images = self.image_ids(example)
        if candidate.key in keys:
            raise DroppedRowError("repeated_key", "another row of the task has the same key")
        if first := questions.get(question := question_fingerprint(images, example)):
            split = stricter_split(first.official_split, candidate.row.official_split)
            group = first.group or candidate.row.group
            questions[question] = first._replace(official_split=split, group=group)
            answer = "the same" if first.target == example.target else "another"
            detail = f"the row {first.key} asks the same question, with {answer} answer"
            raise DroppedRowError("duplicate", detail)
        try:
            questions[question] = self.make_instance(sampler, candidate, images)
        except UnusableError as error:
            raise DroppedRowError(error.reason, error.detail) from error
        keys.add(candidate.key)
        self.record_notes(sampler, candidate)

    def make_instance(
        self, sampler: TaskSampler, candidate: Candidate, images: tuple[str, ...]
    ) -> Instance:
        """Return an instance; raise UnusableError if it cannot be."""
        example, task = candidate.example, sampler.task
        instruction, rendered = self.render(sampler, candidate)
        answers = example.references
        return Instance(
            id=f"{sampler.id}/{candidate.key}",
            dataset=self.release.name,
            task=sampler.id,
            split="train",
            key=candidate.key,
            images=images,
            turns=rendered.turns,
            instruction=instruction,
            text=example.text,
            options=rendered.options,
            target=example.target,
            references=answers if example.target in answers else (example.target, *answers),
            metric=task.metric,
            synthetic=False,
            official_split=candidate.row.official_split,
            group=candidate.row.group,
        )

    def note_unwritten(self, candidate: Candidate) -> None:
        """Note what a row that is dropped says about the split of its images."""
        outcomes = [
            self.checks.outcomes.get(describe_source(image)) for image in candidate.example.images
        ]
        images = tuple(outcome.id for outcome in outcomes if isinstance(outcome, StoredImage))
        row = candidate.row
        if images and (row.official_split in HELD_OUT_SPLITS or row.group):
            self.unwritten.add(UnwrittenRow(images, row.official_split, row.group))

    def render(self, sampler: TaskSampler, candidate: Candidate) -> tuple[str, RenderedExample]:
        """Return the phrasing of the instruction, and the rendered example."""
        identity = (sampler.seed, sampler.id, candidate.key)
        phrasings = sampler.task.phrasings[: 1 if self.settings.phrasings == "first" else None]
        instruction = choose_phrasing(phrasings, *identity)
        style = self.settings.prompt_style
        return instruction, render(instruction, candidate.example, *identity, style=style)

    def image_ids(self, example: Example) -> tuple[str, ...]:
        """Return the content hashes of the images; raise DroppedRowError if one is not valid."""
        if not example.images:
            raise DroppedRowError("no_image", "the row has no image")
        ids = []
        for image in example.images:
            outcome = self.checks.outcomes[describe_source(image)]
            if isinstance(outcome, ImageFault):
                raise DroppedRowError(*outcome, image)
            ids.append(outcome.id)
        return tuple(ids)

    def record_notes(self, sampler: TaskSampler, candidate: Candidate) -> None:
        """Record what was repaired in a row, and what was changed in its images."""
        for reason in candidate.example.repaired:
            detail = NOTES.get(reason, "the dataset file repaired the text")
            self.release.record_note(sampler, candidate.key, reason, detail)
        for image in candidate.example.images:
            outcome = self.checks.outcomes[describe_source(image)]
            name = image.name if isinstance(image, ArchiveMember | PurePath) else ""
            if isinstance(outcome, StoredImage):
                for note in outcome.notes(name):
                    self.release.record_note(sampler, candidate.key, *note, image)


def question_fingerprint(images: Sequence[str], example: Example) -> bytes:
    """Return a digest of images, text and options; the order of the options does not matter."""
    content = "\x1f".join([*images, example.text, *sorted(example.options)])
    return blake2b(content.encode(), digest_size=16).digest()
