# What jobs may take: memory and minutes, which a cluster enforces, and which of them share an entry
# of its queue. On one machine minutes and groups mean nothing.

from latentprint import job_limits

MINUTES = job_limits.minutes(config)


def per_attempt(amount):
    """As much again with each attempt: a job that was killed for want of it gets more."""
    return lambda wildcards, attempt: attempt * amount


def minutes_of(rule):
    """Minutes of a rule whose jobs are all of one kind."""
    return per_attempt(MINUTES.get((rule, ""), job_limits.LEAST_MINUTES))


def search_minutes(wildcards, attempt):
    """Minutes of a search; the least where another's outcome is taken over."""
    kind = f"search {wildcards.classifier} {wildcards.feature}"
    searched = searched_here(wildcards) and config["tuning"] != "published"
    limit = MINUTES["tune_classifier", kind] if searched else job_limits.LEAST_MINUTES
    return attempt * limit


def fit_minutes(wildcards, attempt):
    """Minutes of a fit."""
    kind = f"{wildcards.classifier} {wildcards.feature}"
    return attempt * MINUTES["fit_classifier", kind]


def fit_memory(wildcards, attempt):
    """Megabytes of a fit, or of a search."""
    return attempt * grid.fit_memory_mb(
        config, wildcards.component, wildcards.feature, wildcards.classifier
    )


def cell_group(wildcards):
    """Search and fit share an entry, those on patches with others: only fits on `flatten` are large."""
    if wildcards.feature != "flatten":
        return wildcards.feature
    return "flatten-" + fitted(wildcards).replace("/", "-")


def features_group(wildcards):
    """Features of patches go with what is fitted on them; those of `flatten` are views, made at once."""
    return "views" if wildcards.feature == "flatten" else wildcards.feature
