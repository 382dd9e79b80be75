# From predictions to one tidy table of scores.


rule evaluate_classifier:
    """Score the predictions of a cell: accuracy with its interval, and all that goes with it."""
    input:
        predictions="<results>/cells/bpp-{bpp}/{latent}/{component}/{feature}/{classifier}/predictions.tsv",
        best="<results>/cells/bpp-{bpp}/{latent}/{component}/{feature}/{classifier}/best.yaml",
        fit="<results>/cells/bpp-{bpp}/{latent}/{component}/{feature}/{classifier}/fit.yaml",
        store="<results>/latents/bpp-{bpp}/test.json",
        valid=second_test,
        seeds=other_seeds,
    output:
        "<results>/cells/bpp-{bpp}/{latent}/{component}/{feature}/{classifier}/scores.json",
    log:
        "<logs>/evaluate_classifier/bpp-{bpp}/{latent}/{component}/{feature}/{classifier}.log",
    group:
        "scores"
    conda:
        "../../envs/learn.yaml"
    resources:
        mem_mb=per_attempt(1000),
        runtime=minutes_of("evaluate_classifier"),
    params:
        code=code_of("evaluate_classifier"),
        cfg=settings("run"),
        images=IMAGES_TEXT,
        cell=scored,
    shell:
        "python -m latentprint.steps.evaluate_classifier"
        " --predictions {input.predictions} --best {input.best} --fit {input.fit}"
        " --valid {input.valid} --seeds {input.seeds} --store-json {input.store} --run {params.cfg[run]} --images-text {params.images:q}"
        " --cell {params.cell} --output {output} > {log} 2>&1"


rule collect_scores:
    """Gather all cells in one table, with paired tests of cells and of the levels of factors."""
    input:
        scores=[f"{cell}/scores.json" for cell in CELLS],
        costs=[f"{cell}/costs.json" for cell in CELLS],
        predictions=[f"{cell}/predictions.tsv" for cell in CELLS],
    output:
        scores="<results>/scores.tsv",
        costs="<results>/costs.tsv",
        selected="<results>/selected.yaml",
        contrasts="<results>/contrasts.tsv",
    log:
        "<logs>/collect_scores.log",
    group:
        "report"
    conda:
        "../../envs/learn.yaml"
    resources:
        mem_mb=per_attempt(2000),
        runtime=minutes_of("collect_scores"),
    params:
        code=code_of("collect_scores"),
        cells=CELLS,
    shell:
        "python -m latentprint.steps.collect_scores --cells {params.cells}"
        " --scores {output.scores} --costs {output.costs} --selected {output.selected}"
        " --contrasts {output.contrasts} > {log} 2>&1"
