"""A recipe: one YAML file that says how a teacher is distilled into its students.

Every section configures one room; the rooms take their section as an argument and know nothing of the others.
"""

from menura.recipe.collection import CollectionSettings
from menura.recipe.dual_encoder import DualEncoderSettings
from menura.recipe.evaluation import EvaluationSettings
from menura.recipe.joint import JointSettings
from menura.recipe.layers import LayersSettings
from menura.recipe.lora import LoraSettings
from menura.recipe.mentors import (
    AlignmentSettings,
    HiddenStatesSettings,
    MentorSettings,
    TokenEmbeddingsSettings,
    VocabularyVectorsSettings,
)
from menura.recipe.mining import FilterSettings, MiningSettings, RoundsSettings, Sampling, TrainingListSettings
from menura.recipe.objectives import (
    ConstantMarginSettings,
    ContrastiveSettings,
    KLDivergenceSettings,
    MarginMSESettings,
    MaskedWordsSettings,
    ObjectiveSettings,
    ObjectivesSettings,
    PointwiseMSESettings,
    RankNetSettings,
    SimCSESettings,
)
from menura.recipe.online import OnlineSettings, RefreshSettings
from menura.recipe.reading import load_recipe
from menura.recipe.recipe import Recipe
from menura.recipe.shipped import shipped_recipes
from menura.recipe.sparsity import BudgetSettings, PenaltiesSettings, RegularizersSettings
from menura.recipe.students import (
    ColbertMentorSettings,
    ColbertSettings,
    SpladeMentorSettings,
    SpladeSettings,
    StudentMentorSettings,
    StudentSettings,
    StudentsSettings,
)
from menura.recipe.teachers import (
    CausalLmSettings,
    FinetuneSettings,
    FunctionSettings,
    Head,
    Retriever,
    TeacherSettings,
)
from menura.recipe.trainer import NOT_LEARNED, TrainerSettings
from menura.recipe.view import ViewSettings
from menura.recipe.weights import WeightSettings

__all__ = [
    "NOT_LEARNED",
    "AlignmentSettings",
    "BudgetSettings",
    "CausalLmSettings",
    "ColbertMentorSettings",
    "ColbertSettings",
    "CollectionSettings",
    "ConstantMarginSettings",
    "ContrastiveSettings",
    "DualEncoderSettings",
    "EvaluationSettings",
    "FilterSettings",
    "FinetuneSettings",
    "FunctionSettings",
    "Head",
    "HiddenStatesSettings",
    "JointSettings",
    "KLDivergenceSettings",
    "LayersSettings",
    "LoraSettings",
    "MarginMSESettings",
    "MaskedWordsSettings",
    "MentorSettings",
    "MiningSettings",
    "ObjectiveSettings",
    "ObjectivesSettings",
    "OnlineSettings",
    "PenaltiesSettings",
    "PointwiseMSESettings",
    "RankNetSettings",
    "Recipe",
    "RefreshSettings",
    "RegularizersSettings",
    "Retriever",
    "RoundsSettings",
    "Sampling",
    "SimCSESettings",
    "SpladeMentorSettings",
    "SpladeSettings",
    "StudentMentorSettings",
    "StudentSettings",
    "StudentsSettings",
    "TeacherSettings",
    "TokenEmbeddingsSettings",
    "TrainerSettings",
    "TrainingListSettings",
    "ViewSettings",
    "VocabularyVectorsSettings",
    "WeightSettings",
    "load_recipe",
    "shipped_recipes",
]
