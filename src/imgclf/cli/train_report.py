"""Describe a run before it starts: data, model, loss, optimizer, steps."""

from typing import TYPE_CHECKING

from imgclf.cli.console import Console, format_shape
from imgclf.errors import plural

if TYPE_CHECKING:
    from imgclf.training.plan import Plan


def describe_plan(console: Console, plan: "Plan") -> None:
    """Describe the run, from pixels to steps, with its own numbers."""
    from imgclf.files.npy import mapped_file
    from imgclf.losses import LOSSES
    from imgclf.training.loading import remarks
    from imgclf.training.plan import scale_advice

    config, penalty = plan.config, plan.objective
    D, C = plan.preprocess.size, len(plan.train.class_names)
    formula = (LOSSES[config.model.loss].__doc__ or "").partition("\n")[0]
    terms = ["mean loss"]
    terms += [f"{penalty.l2:g}/2 * sum(W**2)"] if penalty.l2 else []
    terms += [f"{penalty.l1:g} * sum(|W|)"] if penalty.l1 else []
    knobs = config.optimizer.model_dump(exclude={"name"})
    settings = ", ".join(f"{key} {value:g}" for key, value in knobs.items())
    what = "image" if plan.preprocess.is_image else "example"
    val = plural(len(plan.val), f"validation {what}") if plan.val else f"no validation {what}s"
    lines = {
        "data": f"{config.data.source}: {plural(len(plan.train), f'training {what}')}, {val}; "
        f"{format_shape(plan.train.example_shape)}, {C} classes",
        "pixels" if plan.preprocess.is_image else "features": f"x = {_preprocessing(plan)}",
        "scores": f"s = x @ W + b: {D:,} x {C} weights and {C} biases, {plural((D + 1) * C, 'parameter')}",
        "loss": f"{config.model.loss}: {formula}",
        "minimize": f"L(W, b) = {' + '.join(terms)}",
        "step": f"weights -= step_size * direction; {config.optimizer.name}{f' ({settings})' if settings else ''}, "
        f"step_size {config.schedule.step_size:g} ({config.schedule.name}), {config.train.gradient} gradient",
        "batches": f"{plural(plan.batch_size, what)} a step, {plural(plan.steps_per_epoch, 'step')} an epoch, "
        f"{plural(config.train.epochs, 'epoch')}: {plural(plan.steps, 'step')}",
    }
    for word, line in lines.items():
        console.say(f"{word:<9} {line}")
    if advice := scale_advice(plan):
        console.warn(f"preprocess: {advice}")
    if mapped := mapped_file(plan.train.images):
        console.detail(f"mapped    {mapped}")
    for remark in remarks(config, {"train": plan.train}):
        console.warn(remark)


def _preprocessing(plan: "Plan") -> str:
    preprocess, chosen = plan.preprocess, plan.config.preprocess
    values, mean, by = "features", "mean", "feature"
    if preprocess.is_image:
        values, mean, by = "pixels", "mean image" if chosen.center == "pixel" else "mean color", str(chosen.std)
    divisor = "|" + values + "|" if preprocess.norm else f"{preprocess.scale:g}"
    text = values if divisor == "1" else f"{values} / {divisor}"
    if preprocess.mean is not None:
        text += f" - {mean}"
    if preprocess.std is not None:
        text = f"{f'({text})' if ' ' in text else text} / standard deviation, by {by}"
    return text


def describe_cost(console: Console, plan: "Plan") -> None:
    """Print the memory that loading took, and that nothing was trained."""
    from imgclf.files.npy import mapped_file
    from imgclf.machine.memory import format_bytes, peak_memory

    arrays = {id(part.images): part.images for part in (plan.train, plan.val) if part}  # val may be taken from train
    mapped = sum(array.nbytes for array in arrays.values() if mapped_file(array))
    held, peak = sum(array.nbytes for array in arrays.values()) - mapped, peak_memory()
    in_all = f"; at most {format_bytes(peak)} in all so far" if peak else ""
    console.result(f"memory    images: {format_bytes(held)} in memory, {format_bytes(mapped)} mapped from disk{in_all}")
    console.result("dry run   nothing was trained, nothing was written")
    content = {"parameters": plan.weights.size, "steps": plan.steps}
    console.object(content | {"memory_bytes": peak, "image_bytes": held, "mapped_bytes": mapped})
