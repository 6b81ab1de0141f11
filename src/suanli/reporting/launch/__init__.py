"""What to type to start a predicted training job with a public framework: Megatron-LM, NeMo, MaxText or MindSpeed-LLM."""

from __future__ import annotations

from dataclasses import replace

from suanli.errors import BadInput
from suanli.models import Model
from suanli.performance.training.configs import TrainingConfigs
from suanli.reporting.launch import maxtext, megatron, mindspeed, nemo
from suanli.reporting.launch.command import Launch, Target
from suanli.reporting.launch.job import Job, job_of
from suanli.reporting.launch.shape import Shape, shape_of
from suanli.words import Phrase

__all__ = ["TARGETS", "Launch", "launch_flags"]

_TARGETS = {"megatron": megatron.TARGET, "nemo": nemo.TARGET, "maxtext": maxtext.TARGET, "mindspeed": mindspeed.TARGET}
TARGETS: tuple[str, ...] = tuple(_TARGETS)


def launch_flags(target: str, model: Model, configs: TrainingConfigs, row: int, chip_id: str, node_chips: int) -> Launch:
    """The command that starts row ``row`` of ``configs`` for ``model`` with one of ``TARGETS``.

    ``node_chips``: chips of a node, or of a slice of TPUs. What the target has no flag for, and what the catalogue does not hold, is in the notes.
    ``BadInput`` for another target.
    """
    if target not in _TARGETS:
        raise BadInput("launch.unknown_target", target=target, known=TARGETS)
    to, shape, job = _TARGETS[target], shape_of(model), job_of(model.id, configs, row, chip_id, node_chips)
    notes = list(job.notes)
    if to.experts_need_sequence_parallel and shape.experts and job.tp > 1 and not job.sequence_parallel:
        job = replace(job, sequence_parallel=True)
        notes.append(Phrase("launch.sequence_parallel", {"target": to.name}))
    command, own = to.write(shape, job)
    return Launch(target, command, _merged([*notes, *own, *_general(to, shape, job)]))


def _merged(notes: list[Phrase]) -> tuple[Phrase, ...]:
    """Each note once, and what cannot be said in one sentence at the place of the first."""
    features = tuple(dict.fromkeys(feature for note in notes if note.key == "launch.cannot" for feature in note.values["features"]))
    merged = [Phrase(note.key, note.values | {"features": features}) if note.key == "launch.cannot" else note for note in notes]
    return tuple(note for place, note in enumerate(merged) if note not in merged[:place])


def _general(to: Target, shape: Shape, job: Job) -> list[Phrase]:
    """Notes that every target may have."""
    notes = []
    if not job.chip_id.startswith(to.chips):
        notes.append(Phrase("launch.other_chip", {"target": to.name, "chip": job.chip_id}))
    if job.scheme not in to.schemes:
        notes.append(Phrase("launch.no_precision", {"target": to.name, "scheme": job.scheme}))
    unsaid = tuple(f"@launch.feature.{name}" for name in sorted(shape.features - to.expresses - {"layer_order", "draft"}))
    if unsaid:
        notes.append(Phrase("launch.cannot", {"target": to.name, "features": unsaid}))
    notes += [Phrase(f"launch.{name}") for name in ("layer_order", "draft") if name in shape.features]
    return [*notes, Phrase("launch.fill_in")]
