# What jobs may take: memory and minutes, which a cluster enforces, and which of them share an entry
# of its queue. On one machine minutes and groups mean nothing.

from latentprint import detector_plan, job_limits

SECONDS = job_limits.seconds(config)
# Jobs that need less share an entry of the queue with others; larger ones have one of their own.
SMALL_MB = 2000


def per_attempt(amount):
    """As much again with each attempt: a job that was killed for want of it gets more."""
    return lambda wildcards, attempt: attempt * amount


def minutes_of(rule):
    """Minutes of a rule whose jobs are all of one kind."""
    return per_attempt(job_limits.minutes(SECONDS.get((rule, ""), 0)))


def search_minutes(wildcards, attempt):
    """Minutes of a search; the least where another's outcome is taken over."""
    kind = f"search {wildcards.classifier} {wildcards.feature}"
    searched = searched_here(wildcards) and config["tuning"] != "published"
    estimated = SECONDS["tune_classifier", kind] if searched else 0
    return attempt * job_limits.minutes(estimated)


def fit_seconds(wildcards):
    """Estimated seconds of a fit on one thread."""
    kind = f"{wildcards.classifier} {wildcards.feature}"
    return SECONDS["fit_classifier", kind]


def fit_minutes(wildcards, attempt):
    """Minutes of a fit."""
    return attempt * job_limits.minutes(fit_seconds(wildcards))


def expected_fit(wildcards, input):
    """What a fit is told that it will take; not stored, since it is given the input."""
    return round(fit_seconds(wildcards) / grid.fit_threads(config))


def fit_memory(wildcards, attempt):
    """Megabytes of a fit, or of a search."""
    return attempt * grid.fit_memory_mb(
        config, wildcards.component, wildcards.feature, wildcards.classifier
    )


def cell_group(wildcards):
    """Search and fit share an entry; where they are small, with those of the same feature."""
    if fit_memory(wildcards, 1) < SMALL_MB:
        return wildcards.feature
    return f"large-{'-'.join(wildcards)}"


def stores_group(wildcards):
    """Stores of y apart: with state that is carried they are read whole before y_hat is made."""
    return "models" if is_model(wildcards.point) else "stores"


def features_group(wildcards):
    """Features of patches go with what is fitted on them; views go together."""
    return "views" if wildcards.feature in grid.VIEWS else wildcards.feature


def validation_minutes(wildcards, attempt):
    """Minutes of a cross-validation with given hyperparameters."""
    seconds = search_folds(wildcards) * fit_seconds(wildcards)
    return attempt * job_limits.minutes(seconds)


def detector_minutes(wildcards, attempt):
    """Minutes of a job that looks into a detector: of all fits that any of them makes."""
    fits = detector_plan.fits_of(config) + 1
    return attempt * job_limits.minutes(fits * fit_seconds(wildcards))


def detector_group(wildcards):
    """Looking into detectors: large fits have an entry of their own."""
    if fit_memory(wildcards, 1) < SMALL_MB:
        return "detectors"
    return f"large-{'-'.join(wildcards)}"


def pixel_memory(wildcards, attempt):
    """Megabytes of the network on pixels: all training images twice, and the work of a batch."""
    images = grid.n_images(config, "train")
    return attempt * (2500 + round(2 * 3 * images * config["image_size"] ** 2 / 1e6))


def machine_memory(wildcards, attempt):
    """Megabytes of the support vector machine on pixels: values three times, two kernels."""
    images = grid.n_images(config, "train")
    values = 3 * DETECTORS["pixels"]["side"] ** 2
    decoded = 3 * config["image_size"] ** 2
    used = images * (decoded + 3 * 4 * values) + 2 * 8 * images**2
    return attempt * (500 + int(1.2e-6 * used))


def pixel_minutes(wildcards, attempt):
    """Minutes of the network on pixels, in cross-validation and once more."""
    return attempt * job_limits.minutes(detector_plan.pixel_seconds(config))
