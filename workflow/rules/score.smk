# Scores of a user's images by the detector of the run: made for `score` alone, never for `all`.


rule score:
    """Score the folder that config images names: table and page."""
    input:
        scores_wanted,
    localrule: True


rule score_images:
    """Ask the detector of the run about every image of a folder."""
    input:
        unpack(scoring_inputs),
        weights=scoring_weights,
        cues=cue_detectors,
        cue_weights=cue_codec if CUE_SETTINGS["scored"] else [],
        scores="<results>/scores.tsv",
    output:
        table="<results>/scores_of/{pictures}/scores.tsv",
        page="<results>/scores_of/{pictures}/index.html",
        pages=directory("<results>/scores_of/{pictures}/pages"),
    log:
        "<logs>/score_images/{pictures}.log",
    benchmark:
        "<benchmarks>/score_images/{pictures}.tsv"
    wildcard_constraints:
        pictures="[A-Za-z0-9._-]+",
    conda:
        "../../envs/learn.yaml"
    threads: grid.fit_threads(config)
    resources:
        mem_mb=per_attempt(4000),
        runtime=scoring_minutes,
        gpu=gpu_wanted,
    params:
        code=code_of("score_images"),
        cfg=settings(
            "image_size", "operating_point", "tools", "state", "y_hat", "seed", "run"
        ),
        opened=scoring_options,
        cells=scoring_cell_names,
        points=scoring_points,
        cues=cue_options(),
        images=config["images"],
        images_state=images_state,
        device=config["device"],
        weights=WEIGHTS,
        config_digest=trace.config_digest(config),
    shell:
        "python -m latentprint.steps.score_images --images {params.images:q}"
        " --cells {params.cells} --points {params.points} {params.opened} {params.cues}"
        " --image-size {params.cfg[image_size]} --weights {params.weights:q}"
        " --operating-point {params.cfg[operating_point]} --tools {params.cfg[tools]}"
        " --state {params.cfg[state]} --y-hat {params.cfg[y_hat]} --device {params.device}"
        " --seed {params.cfg[seed]} --threads {threads} --scores {input.scores}"
        " --run {params.cfg[run]} --config-digest {params.config_digest}"
        " --table {output.table} --page {output.page} --pages {output.pages}"
        " 2>&1 | log_to {log}"
