"""One way to distil, whole."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from menura.recipe.collection import CollectionSettings
from menura.recipe.evaluation import EvaluationSettings
from menura.recipe.joint import JointSettings
from menura.recipe.mining import MiningSettings, RoundsSettings
from menura.recipe.online import OnlineSettings
from menura.recipe.section import Section
from menura.recipe.students import ColbertSettings, SpladeSettings, StudentsSettings
from menura.recipe.teachers import TeacherSettings
from menura.recipe.view import ViewSettings

__all__ = ["Recipe"]

TeacherName = Annotated[str, Field(pattern=r"^[\w-]+$")]  # it names a folder as well


class Recipe(Section):
    """One way to distil, whole: one `teacher`, or several `teachers` by name and a `view` of their scores.

    Without a teacher, students are trained from labels and mined negatives, by objectives that need no logits.
    `answer_key` is a folder or the URI of an object store where scores are kept, for several recipes or machines; None:
    in the output folder. With `online` students do not wait for it to be filled.
    """

    name: str
    seed: int = 42
    collection: CollectionSettings = CollectionSettings()
    mining: MiningSettings = MiningSettings()
    teacher: TeacherSettings | None = None
    teachers: dict[TeacherName, TeacherSettings] = Field(default_factory=dict)
    view: ViewSettings | None = None
    answer_key: str | None = None
    online: OnlineSettings | None = None
    students: StudentsSettings
    joint: JointSettings | None = None
    rounds: RoundsSettings = RoundsSettings()
    evaluation: EvaluationSettings = EvaluationSettings()

    @property
    def all_teachers(self) -> dict[str, TeacherSettings]:
        """Every teacher by its name; a single one is called ``teacher``."""
        return self.teachers if self.teacher is None else {"teacher": self.teacher}

    @property
    def fields(self) -> list[str]:
        """The fields of queries and passages that a route or a teacher's `where` asks for."""
        asked = [name for teacher in self.all_teachers.values() if teacher.finetune for name in teacher.finetune.where]
        if self.view is not None and self.view.combine.route is not None:
            asked.append(self.view.combine.route)
        return sorted(set(asked))

    @property
    def images(self) -> bool:
        """Whether any teacher sees images."""
        return any(teacher.sees_images for teacher in self.all_teachers.values())

    @model_validator(mode="after")
    def _check_teachers(self) -> Recipe:
        for location, message in self._problems():
            # The location is for `_explain`, which looks up the line.
            raise PydanticCustomError("recipe", "{message}", {"message": message, "location": location})
        return self

    def _problems(self) -> Iterator[tuple[tuple[str, ...], str]]:
        names = list(self.all_teachers)
        if len(names) > 1 and self.mining.filter is not None and self.mining.filter.judge == "teacher":
            yield ("mining", "filter", "judge"), "a teacher judges where there is one; name a miner"
        if self.rounds.count > 1 and self.mining.training_list is not None:
            yield ("rounds", "count"), "a training list is not mined; later rounds would repeat the first"
        if self.joint is not None:
            yield from ((("joint",), message) for message in self.joint.problems(self.students))
        if self.online is not None and self.view is not None:
            for location in self.view.comparisons:
                what = "compares a query's passages with each other, and online not all of them have scores"
                yield ("view", *location), f"{what}; annotate first, without online"
        yield from self._encoded_again()
        if not names:
            yield from self._without_teacher()
        elif self.teacher is not None and self.teachers:
            yield ("teacher",), "teacher is for one and teachers for several; keep one of the two"
        elif self.view is not None:
            yield from ((("view", *location), message) for location, message in self.view.problems(names))
        elif len(names) > 1:
            like = f"view: {{scale: min_max, combine: mean, rescale: {{like: {names[0]}}}}}"
            yield ("teachers",), f"several teachers need a view that makes one score of theirs; for example {like}"

    def _encoded_again(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """Objectives that mini-batches do not bound."""
        for name, student in (("colbert", self.students.colbert), ("splade", self.students.splade)):
            if student is None or (student.mini_batch_size is None and student.trainer.accumulation == 1):
                continue
            for objective in student.objectives.encode_again:
                yield (
                    ("students", name, "objectives", objective),
                    "it sends the batch through the student once more, and whole; leave it out, or "
                    "mini_batch_size and accumulation",
                )

    def _without_teacher(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """What only a teacher makes possible."""
        students = {"colbert": self.students.colbert, "splade": self.students.splade}
        if not any(students.values()):
            yield (), "there is no teacher; add teacher, or several under teachers"
        if self.online is not None:
            yield ("online",), "there is no teacher to ask while students train; add teacher or teachers"
        if self.view is not None:
            yield ("view",), "there is no teacher whose scores it could see; add teacher or teachers"
        if self.mining.filter is not None and self.mining.filter.judge == "teacher":
            yield ("mining", "filter", "judge"), "there is no teacher to judge; name a miner, or add teacher"
        learners = [learner for name, student in students.items() for learner in _with_mentors(student, name)]
        for location, student in learners:
            for objective in student.objectives.need_logits:
                yield (
                    (*location, "objectives", objective),
                    "there is no teacher to learn from; add teacher, or choose objectives that do without: "
                    "contrastive, constant_margin",
                )
            if isinstance(student, ColbertSettings) and student.calibrate:
                yield (*location, "calibrate"), "there is no teacher whose margins could be scaled; drop it"


def _with_mentors(
    student: ColbertSettings | SpladeSettings | None, name: str
) -> Iterator[tuple[tuple[str, ...], ColbertSettings | SpladeSettings]]:
    """The student and the mentors that are trained before it, with their places in the recipe."""
    location: tuple[str, ...] = ("students", name)
    while student is not None:
        yield location, student
        student = student.mentor.student if student.mentor is not None else None
        location = (*location, "mentor", "student")
