"""The teachers of a recipe: fine-tuned where it says so, loaded one at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property, partial
from pathlib import Path

from menura.collections import Collection
from menura.errors import MenuraError
from menura.launch import in_turn
from menura.progress import step
from menura.recipe import NOT_LEARNED, FinetuneSettings, TeacherSettings
from menura.stage import Stage
from menura.teachers.finetuning import finetune
from menura.teachers.on_call import AnyFingerprint, OnCall
from menura.teachers.opening import AnyTeacher, load_teacher
from menura.weights import reference_digest

__all__ = ["Faculty"]

# query id -> (positive ids, negative ids)
Candidates = dict[str, tuple[list[str], list[str]]]


class Faculty:
    """Teachers by name.

    Args:
        teachers: their settings, by name.
        folder: fine-tuned ones go here: a single one as it is, of several each into a folder of its name.
        candidates: what they are fine-tuned on; called when one is.
        load: makes a teacher that is ready of its settings.
    """

    def __init__(
        self,
        teachers: Mapping[str, TeacherSettings],
        folder: Path,
        collection: Collection,
        candidates: Callable[[], Candidates],
        *,
        seed: int,
        load: Callable[[TeacherSettings], AnyTeacher] = load_teacher,
    ) -> None:
        self.settings = dict(teachers)
        self._folder = folder
        self._collection = collection
        self._candidates = candidates
        self._seed = seed
        self._load_ready = load
        self._loaded: dict[str, AnyTeacher] = {}

    @property
    def names(self) -> list[str]:
        """In the recipe's order."""
        return list(self.settings)

    @cached_property
    def fingerprints(self) -> dict[str, AnyFingerprint]:
        """By teacher, who it is, for which all of them are loaded."""
        return {name: self.teacher(name).fingerprint for name in self.names}

    @cached_property
    def digests(self) -> dict[str, str]:
        """By teacher, the digest of its fingerprint."""
        return {name: fingerprint.digest for name, fingerprint in self.fingerprints.items()}

    def title(self, kind: str, name: str) -> str:
        """`kind`, and the teacher's name where there are several."""
        return f"{kind} {name}" if len(self.settings) > 1 else kind

    def teacher(self, name: str) -> AnyTeacher:
        """One teacher, ready to answer. The one before it is let go: they may be large.

        Raises:
            MenuraError: it cannot be loaded or fine-tuned.
        """
        if name not in self._loaded:
            self._loaded.clear()
            self._loaded[name] = self._load(name)
        return self._loaded[name]

    def loaded(self, name: str) -> AnyTeacher | None:
        """One teacher, if it is the one that is loaded."""
        return self._loaded.get(name)

    def on_call(self, name: str) -> OnCall:
        """One teacher, who is loaded when it is asked for the first score."""
        return OnCall(self.fingerprints[name], partial(self.teacher, name))

    def dismiss(self) -> None:
        """Let go of the teacher that is loaded: it answers elsewhere from now on, or not so soon."""
        self._loaded.clear()

    def ready(self, name: str) -> TeacherSettings:
        """By what to load a teacher, here or elsewhere: a fine-tuned one is its folder, trained unless it is."""
        settings = self.settings[name]
        if settings.finetune is None:
            return settings
        folder = self._finetuned(name, settings.finetune)
        return settings.model_copy(update={"model": str(folder.absolute()), "finetune": None})

    def _load(self, name: str) -> AnyTeacher:
        with step(self.title("teacher", name)) as done:
            settings = self.ready(name)
            teacher = self._load_ready(settings)
            done(f"{settings.source}, fingerprint {teacher.fingerprint.digest}")
        return teacher

    def _finetuned(self, name: str, finetuning: FinetuneSettings) -> Path:
        """The folder of the teacher, trained unless it is."""
        settings, collection = self.settings[name], self._collection
        candidates = self._where(name, finetuning)
        texts = [
            [collection.queries[query_id], *(collection.corpus[identifier] for side in sides for identifier in side)]
            for query_id, sides in candidates.items()
        ]
        seed = finetuning.trainer.seed_or(self._seed)
        inputs = [
            reference_digest(settings.source),
            settings.max_length,
            finetuning.model_dump(exclude={"trainer": NOT_LEARNED}),
            candidates,
            texts,
            seed,
        ]
        stage = Stage(self._folder / name if len(self.settings) > 1 else self._folder, inputs)
        with in_turn():
            if not stage.finished:
                stage.begin()
                finetune(
                    settings.source,
                    finetuning,
                    candidates,
                    collection.queries,
                    collection.corpus,
                    max_length=settings.max_length,
                    output=stage.folder,
                    seed=seed,
                )
                stage.finish()
        return stage.folder

    def _where(self, name: str, finetuning: FinetuneSettings) -> Candidates:
        """The candidates of the queries that have one of the wanted values in every field."""
        candidates = self._candidates()
        for field, wanted in finetuning.where.items():
            values = self._collection.fields[field]
            known = sorted(set(values.values()))
            unknown = next((value for value in wanted if value not in known), None)
            if unknown is not None:
                raise MenuraError(
                    f"[teachers] {name} is to be fine-tuned where {field} is {unknown!r}, and no query has that; there "
                    f"are {', '.join(map(repr, known[:5]))}."
                )
            candidates = {query_id: sides for query_id, sides in candidates.items() if values.get(query_id) in wanted}
        return candidates
