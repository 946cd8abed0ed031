"""Answers about many images, for intervals over questions."""

from itertools import product

from tests.helpers.planted_answers import answer, scores, some_tasks, write
from visionflan.analysis.arm_outputs import ArmOutputs
from visionflan.analysis.replicate import ANSWERS
from visionflan.hashing import hash_fraction

IMAGES, QUESTIONS = 40, 2  # of each task, and of each image


def plant_images(outputs: ArmOutputs, rate: float) -> None:
    """Plant answers of which about a share is right; arms are right on the same easy questions."""
    seed = outputs.replicate.seed
    rows = []
    for task, image, question in product(some_tasks(outputs), range(IMAGES), range(QUESTIONS)):
        hardness = hash_fraction("hardness", task, image)
        luck = hash_fraction("luck", outputs.arm.name, seed, task, image, question)
        score = float(0.7 * hardness + 0.3 * luck < rate)
        marks = scores(score) | {"score_likelihood": score}
        yes = "yes" if hardness < 0.5 else "no"
        rows.append(
            answer(
                task,
                f"{image} {question}",
                image_cluster=f"{task} {image}",
                references=(yes,),
                parsed_lenient="yes" if luck < 0.6 else "no",
                status_lenient="parsed",
                **marks,
            )
        )
    write(outputs, ANSWERS, iter(rows))
