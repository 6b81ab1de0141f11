"""AI models as operators."""

from suanli.models.architecture import Architecture
from suanli.models.model import Model, ModelFile, load_models, model_of
from suanli.models.op import Op
from suanli.models.recipes import operators

__all__ = ["Architecture", "Model", "ModelFile", "Op", "load_models", "model_of", "operators"]
