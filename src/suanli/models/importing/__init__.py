"""Models from elsewhere: a Hugging Face ``config.json`` as our ``Architecture``."""

from suanli.models.importing.families import architecture_of_config, is_known_family
from suanli.models.importing.precision import precision_of_name, weights_of_config

__all__ = ["architecture_of_config", "is_known_family", "precision_of_name", "weights_of_config"]
