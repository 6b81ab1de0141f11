"""AI models as operators."""

from suanli.models.architecture import Architecture
from suanli.models.cache import CacheElements, cache_elements, state_elements
from suanli.models.importing import architecture_of_config
from suanli.models.model import Model, ModelFile, Weights, load_models, model_of
from suanli.models.op import Op
from suanli.models.reading import read_model
from suanli.models.recipes import operators

__all__ = [
    "Architecture",
    "CacheElements",
    "Model",
    "ModelFile",
    "Op",
    "Weights",
    "architecture_of_config",
    "cache_elements",
    "load_models",
    "model_of",
    "operators",
    "read_model",
    "state_elements",
]
