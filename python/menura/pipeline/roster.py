"""The students of a recipe, by name."""

from __future__ import annotations

from menura.errors import MenuraError
from menura.pipeline.student import TITLES, Student, StudentModel
from menura.recipe import ColbertSettings, Recipe, SpladeSettings

__all__ = ["Roster"]

# What the name of a student's mentor ends in.
OF_MENTOR = "_mentor"


class Roster:
    """Every student of a recipe as it starts.

    A mentor that the recipe trains itself is a student, too: ``colbert_mentor``.
    """

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe

    @property
    def names(self) -> list[Student]:
        """Those that the recipe is for; no mentors.

        Raises:
            MenuraError: it has none.
        """
        found: list[Student] = [name for name in TITLES if getattr(self._recipe.students, name) is not None]
        if not found:
            raise MenuraError("[pipeline] the recipe has no student; add students.colbert or students.splade.")
        return found

    @property
    def miners(self) -> list[Student]:
        """Those that mine for the next round.

        Raises:
            MenuraError: the recipe has no such student.
        """
        chosen = self._recipe.rounds.miners or self.names
        for student in chosen:
            self.model(student)
        return list(chosen)

    def model(self, student: str) -> StudentModel:
        """A student as it starts, with a mentor that may not be trained yet.

        Raises:
            MenuraError: the recipe has no such student.
        """
        settings = self._settings(student)
        return StudentModel(settings, self._recipe.evaluation, settings.trainer.seed_or(self._recipe.seed))

    @staticmethod
    def mentor_of(student: str) -> str:
        """What the mentor of a student is called."""
        return f"{student}{OF_MENTOR}"

    def trained_with(self, student: str) -> list[str]:
        """The student, or both where they are joint; a mentor is trained alone.

        Raises:
            MenuraError: the recipe has no such student.
        """
        self.model(student)
        return [student] if self._recipe.joint is None or OF_MENTOR in student else list(self.names)

    def _settings(self, student: str) -> ColbertSettings | SpladeSettings:
        name, *mentors = student.split(OF_MENTOR)
        if name not in TITLES or any(mentors):
            known = f"{' or '.join(TITLES)}, or the mentor of one, as {self.mentor_of('colbert')}"
            raise MenuraError(f"[pipeline] a student is {known}; got {student!r}.")
        place = f"students.{name}"
        settings: ColbertSettings | SpladeSettings | None = getattr(self._recipe.students, name)
        if settings is None:
            raise MenuraError(f"[pipeline] the recipe has no {place}; it has: {', '.join(self.names)}.")
        for _ in mentors:
            place += ".mentor.student"
            settings = settings.mentor.student if settings.mentor is not None else None
            if settings is None:
                raise MenuraError(f"[pipeline] students.{name} trains no mentor that could be {student}; add {place}.")
        return settings
