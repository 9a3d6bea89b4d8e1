"""Describe a run before it starts, and what became of it."""

from pathlib import Path
from typing import TYPE_CHECKING

from imgclf.cli.console import Console, fold, fold_command, noun_of
from imgclf.errors import ImgclfError, plural

if TYPE_CHECKING:
    from imgclf.data.features.fitted import Features
    from imgclf.training.epochs import Finished
    from imgclf.training.plan import Plan

TOLD = 2  # findings; who reads more has a page


def describe_plan(console: Console, plan: "Plan") -> None:
    """Describe the run, from pixels to steps, with its own numbers."""
    from imgclf.data.dataset import described
    from imgclf.data.features.fitted import FeatureVectors
    from imgclf.files.npy import mapped_file
    from imgclf.losses import LOSSES
    from imgclf.report.objective import formula, translations
    from imgclf.speed.kernels import device_of
    from imgclf.training.data_remarks import remarks
    from imgclf.training.plan import scale_advice

    config, device = plan.config, device_of(plan.kernel)
    D, C = plan.preprocess.size, len(plan.train.class_names)
    title, _, loss = (LOSSES[config.model.loss].__doc__ or "").partition("\n")[0].partition(": ")
    knobs = config.optimizer.model_dump(exclude={"name"})
    settings = ", ".join(f"{key} {value:g}" for key, value in knobs.items())
    images = plan.train.pictures if isinstance(plan.train, FeatureVectors) else plan.train
    given = images.example_shape
    what = noun_of(given)
    val = plural(len(plan.val), f"validation {what}") if plan.val else f"no validation {what}s"
    if (taken := plan.train.set_aside) is not None:
        val += f", {plural(int(taken.sum()), f'test {what}') if taken.any() else f'no test {what}s'} set aside"
    lines = {
        "data": f"{config.data.source}: {plural(len(plan.train), f'training {what}')}, {val}; "
        f"{described(given)}, {C} classes",
        **({"features": _features(plan.features)} if plan.features else {}),
        **_augmentation(plan),
        _name_of_inputs(plan): f"x = {_preprocessing(plan)}",
        "scores": f"s = x @ W + b: {D:,} x {C} weights and {C} biases, {plural((D + 1) * C, 'parameter')}",
        "loss": f"{config.model.loss}: {loss or title}",
        "minimize": formula(config),
        **({} if plan.class_weights is None else {"classes": f"weight {_class_weights(plan)}"}),
        "step": f"weights -= step_size * direction; {config.optimizer.name}{f' ({settings})' if settings else ''}, "
        f"step_size {config.schedule.step_size:g} ({config.schedule.name}), {config.train.gradient} gradient",
        "batches": f"{plural(plan.batch_size, what)} a step, {plural(plan.steps_per_epoch, 'step')} an epoch, "
        f"{plural(config.train.epochs, 'epoch')}: {plural(plan.steps, 'step')}",
        **({"device": f"{device}, by PyTorch"} if device else {}),
    }
    for word, line in lines.items():
        console.say(*fold(f"{word:<9} ", line))
    console.detail("the same objective elsewhere:")
    for name, number in translations(config, len(plan.train)):
        console.detail(*fold(f"{name:<22} ", number))
    if advice := scale_advice(plan):
        console.warn(f"preprocess: {advice}")
    if mapped := mapped_file(plan.train.images):
        console.detail(f"mapped    {mapped}")
    console.warn(*remarks(config, {"train": images}))


def describe_first_loss(console: Console, plan: "Plan") -> None:
    """Print the loss at W = 0, where a new run begins, or would begin without model.init_scale."""
    from imgclf.report.objective import describe_start

    start = describe_start(plan.config.model.loss, plan.train.class_counts(), plan.class_weights)
    spread = plan.config.model.init_scale
    random = f"W is random, of standard deviation {spread:g}; the " if spread else ""
    console.say(*fold(f"{'start':<9} ", f"{random}loss at W = 0 is {start}"))


def describe_results(console: Console, plan: "Plan", directory: Path, finished: "Finished") -> None:
    """Print the most confused pairs of classes, and the diagnosis of a finished run."""
    from imgclf.report.confused_pairs import confused_pairs

    split, seen = finished.evaluated()
    if pairs := confused_pairs(seen, finished.model.class_names):
        console.say(*fold("wrong  ", f"most often on {split}: {', '.join(pairs)}"))
    describe_findings(console, directory, plan, finished)


def describe_findings(
    console: Console, directory: Path, plan: "Plan | None" = None, finished: "Finished | None" = None
) -> None:
    """Print the diagnosis of a run that is finished, or has diverged; with --quiet, only what is alarming."""
    from imgclf.report.alarms import ALARMS
    from imgclf.report.diagnosis import diagnose
    from imgclf.report.run_facts import read_facts

    model, train, val = (finished.model, finished.train, finished.val) if finished else (None, None, None)
    fitted = (plan.preprocess, plan.train) if plan else None
    try:
        facts = read_facts(directory, model=model, train=train, val=val, fitted=fitted)
    except ImgclfError as error:  # the results are as good without
        console.warn(f"no diagnosis: {error}")
        return
    for finding in diagnose(facts)[:TOLD]:
        tell = console.result if finding.name in {rule.__name__ for rule in ALARMS} else console.say
        tell(*fold("note   ", finding.sentence))
        if finding.remedy:
            tell(*fold_command("try    ", finding.remedy))


def _features(features: "Features") -> str:
    options = ", ".join(f"{key} {str(value).lower()}" for key, value in features.options.items())
    return f"{features.name} ({options}), {features.size:,} numbers an image"


def _name_of_inputs(plan: "Plan") -> str:
    if plan.preprocess.is_image:
        return "pixels"
    return "inputs" if plan.features else "features"  # a line "features" says which ones they are


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
    """Print the memory that loading took, what features will take, and that nothing was trained."""
    from imgclf.data.features.fitted import STORED, FeaturesOnDemand, FeatureVectors
    from imgclf.files.npy import mapped_file
    from imgclf.machine.memory import format_bytes, peak_memory

    splits = [part for part in (plan.train, plan.val) if part]
    parts = [part.pictures if isinstance(part, FeatureVectors) else part for part in splits]
    arrays = {id(part.images): part.images for part in parts}  # val may be taken from train
    mapped = sum(array.nbytes for array in arrays.values() if mapped_file(array))
    held, peak = sum(array.nbytes for array in arrays.values()) - mapped, peak_memory()
    in_all = f"; at most {format_bytes(peak)} in all so far" if peak else ""
    taken = f"{format_bytes(held)} in memory, {format_bytes(mapped)} mapped from disk{in_all}"
    console.result(f"memory    {noun_of(parts[0].example_shape)}s: {taken}")
    if plan.features:
        size = format_bytes(sum(map(len, parts)) * plan.features.size * STORED.itemsize)
        missing = any(isinstance(part, FeaturesOnDemand) for part in splits)
        console.result(f"features  {size}, {'not computed yet' if missing else 'in the cache'}")
    console.result("dry run   nothing was trained, nothing was written")
    content = {"parameters": plan.weights.size, "steps": plan.steps}
    console.object(content | {"memory_bytes": peak, "image_bytes": held, "mapped_bytes": mapped})
