"""Describe a run before it starts: data, model, loss, optimizer, steps."""

from typing import TYPE_CHECKING

from imgclf.cli.console import Console, fold, format_percent, format_shape, noun_of
from imgclf.errors import plural

if TYPE_CHECKING:
    from imgclf.training.plan import Plan


def describe_plan(console: Console, plan: "Plan") -> None:
    """Describe the run, from pixels to steps, with its own numbers."""
    from imgclf.files.npy import mapped_file
    from imgclf.losses import LOSSES
    from imgclf.training.data_remarks import remarks
    from imgclf.training.loading import takes_test
    from imgclf.training.plan import scale_advice

    config, penalty = plan.config, plan.objective
    D, C = plan.preprocess.size, len(plan.train.class_names)
    title, _, formula = (LOSSES[config.model.loss].__doc__ or "").partition("\n")[0].partition(": ")
    terms = ["mean loss" if plan.class_weights is None else "mean of weight[y] * loss"]
    terms += [f"{penalty.l2:g}/2 * sum(W**2)"] if penalty.l2 else []
    terms += [f"{penalty.l1:g} * sum(|W|)"] if penalty.l1 else []
    knobs = config.optimizer.model_dump(exclude={"name"})
    settings = ", ".join(f"{key} {value:g}" for key, value in knobs.items())
    what = noun_of(plan.preprocess.example_shape)
    val = plural(len(plan.val), f"validation {what}") if plan.val else f"no validation {what}s"
    if takes_test(config):
        val += f", {format_percent(config.data.test_fraction)} set aside for test"
    lines = {
        "data": f"{config.data.source}: {plural(len(plan.train), f'training {what}')}, {val}; "
        f"{format_shape(plan.train.example_shape)}, {C} classes",
        **_augmentation(plan),
        "pixels" if plan.preprocess.is_image else "features": f"x = {_preprocessing(plan)}",
        "scores": f"s = x @ W + b: {D:,} x {C} weights and {C} biases, {plural((D + 1) * C, 'parameter')}",
        "loss": f"{config.model.loss}: {formula or title}",
        "minimize": f"L(W, b) = {' + '.join(terms)}",
        **({} if plan.class_weights is None else {"classes": f"weight {_class_weights(plan)}"}),
        "step": f"weights -= step_size * direction; {config.optimizer.name}{f' ({settings})' if settings else ''}, "
        f"step_size {config.schedule.step_size:g} ({config.schedule.name}), {config.train.gradient} gradient",
        "batches": f"{plural(plan.batch_size, what)} a step, {plural(plan.steps_per_epoch, 'step')} an epoch, "
        f"{plural(config.train.epochs, 'epoch')}: {plural(plan.steps, 'step')}",
    }
    for word, line in lines.items():
        console.say(*fold(f"{word:<9} ", line))
    if advice := scale_advice(plan):
        console.warn(f"preprocess: {advice}")
    if mapped := mapped_file(plan.train.images):
        console.detail(f"mapped    {mapped}")
    console.warn(*remarks(config, {"train": plan.train}))


def _augmentation(plan: "Plan") -> dict[str, str]:
    flip, shift = plan.config.augment.flip, plan.config.augment.shift
    parts = [f"mirrored with probability {flip:g}"] if flip else []
    parts += [f"shifted by up to {plural(shift, 'pixel')}"] if shift else []
    return {"augment": f"each image anew at every step: {', '.join(parts)}"} if parts else {}


def _class_weights(plan: "Plan") -> str:
    """List the weights of the first classes, and the formula of `balanced`."""
    from imgclf.data.class_names import first_few

    assert plan.class_weights is not None
    chosen = plan.config.train.class_weight
    if isinstance(chosen, dict):
        others = ", 1 for the others" * (len(chosen) < len(plan.class_weights))
        return first_few([f"{weight:.4g} for {name}" for name, weight in chosen.items()]) + others
    pairs = zip(plan.train.class_names, plan.class_weights.tolist(), strict=True)
    formula = f"N / (C * {noun_of(plan.preprocess.example_shape)}s of the class)"
    return f"{formula}: {first_few([f'{weight:.4g} for {name}' for name, weight in pairs])}"


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
    taken = f"{format_bytes(held)} in memory, {format_bytes(mapped)} mapped from disk{in_all}"
    console.result(f"memory    {noun_of(plan.preprocess.example_shape)}s: {taken}")
    console.result("dry run   nothing was trained, nothing was written")
    content = {"parameters": plan.weights.size, "steps": plan.steps}
    console.object(content | {"memory_bytes": peak, "image_bytes": held, "mapped_bytes": mapped})
