# Search, fit and prediction of every cell: once at each point, of which the cells of levels are copies.


rule tune_classifier:
    """Find a cell's hyperparameters: search them, take the thesis', or take another cell's."""
    input:
        unpack(search_inputs),
    output:
        trials="<results>/cells/{point}/{latent}/{component}/{feature}/{classifier}/trials.tsv",
        best="<results>/cells/{point}/{latent}/{component}/{feature}/{classifier}/best.yaml",
    log:
        "<logs>/tune_classifier/{point}/{latent}/{component}/{feature}/{classifier}.log",
    benchmark:
        "<benchmarks>/tune_classifier/{point}/{latent}/{component}/{feature}/{classifier}.tsv"
    group:
        cell_group
    conda:
        "../../envs/learn.yaml"
    threads: grid.fit_threads(config)
    resources:
        mem_mb=fit_memory,
        runtime=search_minutes,
    params:
        code=code_of("tune_classifier"),
        cfg=search_settings,
        how=search_options,
        cell=fitted,
    shell:
        "python -m latentprint.steps.tune_classifier {params.how}"
        " --classifier {wildcards.classifier} --cell {params.cell}"
        " --search {params.cfg[search]:q} --engine {params.cfg[engine]:q}"
        " --seed {params.cfg[seed]} --code {params.code} --threads {threads}"
        " --trials {output.trials} --best {output.best} 2>&1 | log_to {log}"


rule fit_classifier:
    """Fit a cell on the training images and predict the test images."""
    input:
        features="<results>/features/{point}/{latent}/{component}/{feature}.h5",
        best="<results>/cells/{point}/{latent}/{component}/{feature}/{classifier}/best.yaml",
        trials="<results>/cells/{point}/{latent}/{component}/{feature}/{classifier}/trials.tsv",
    output:
        model="<results>/cells/{point}/{latent}/{component}/{feature}/{classifier}/model.skops",
        fit="<results>/cells/{point}/{latent}/{component}/{feature}/{classifier}/fit.yaml",
        predictions="<results>/cells/{point}/{latent}/{component}/{feature}/{classifier}/predictions.tsv",
        costs="<results>/cells/{point}/{latent}/{component}/{feature}/{classifier}/costs.json",
    log:
        "<logs>/fit_classifier/{point}/{latent}/{component}/{feature}/{classifier}.log",
    benchmark:
        "<benchmarks>/fit_classifier/{point}/{latent}/{component}/{feature}/{classifier}.tsv"
    group:
        cell_group
    conda:
        "../../envs/learn.yaml"
    threads: grid.fit_threads(config)
    resources:
        mem_mb=fit_memory,
        runtime=fit_minutes,
    params:
        code=code_of("fit_classifier"),
        cfg=classifier_settings("engine"),
        protocol=config["protocol"],
        cell=fitted,
        expected=expected_fit,
    shell:
        "python -m latentprint.steps.fit_classifier"
        " --features {input.features} --best {input.best} --trials {input.trials}"
        " --classifier {wildcards.classifier} --engine {params.cfg[engine]:q}"
        " --protocol {params.protocol} --seed {params.cfg[seed]}"
        " --cell {params.cell} --threads {threads}"
        " --model {output.model} --fit {output.fit}"
        " --predictions {output.predictions} --costs {output.costs}"
        " --expected-s {params.expected} 2>&1 | log_to {log}"


rule refit_classifier:
    """Fit a cell once more with other random numbers, and predict the test images."""
    input:
        features="<results>/features/{point}/{latent}/{component}/{feature}.h5",
        best="<results>/cells/{point}/{latent}/{component}/{feature}/{classifier}/best.yaml",
    output:
        "<results>/cells/{point}/{latent}/{component}/{feature}/{classifier}/seeds/{repeat}.tsv",
    log:
        "<logs>/refit_classifier/{point}/{latent}/{component}/{feature}/{classifier}/{repeat}.log",
    benchmark:
        "<benchmarks>/refit_classifier/{point}/{latent}/{component}/{feature}/{classifier}/{repeat}.tsv"
    group:
        cell_group
    conda:
        "../../envs/learn.yaml"
    threads: grid.fit_threads(config)
    resources:
        mem_mb=fit_memory,
        runtime=fit_minutes,
    params:
        code=code_of("refit_classifier"),
        cfg=classifier_settings("engine"),
        cell=fitted,
    shell:
        "python -m latentprint.steps.refit_classifier"
        " --features {input.features} --best {input.best}"
        " --classifier {wildcards.classifier} --engine {params.cfg[engine]:q}"
        " --seed {params.cfg[seed]} --cell {params.cell} --repeat {wildcards.repeat}"
        " --threads {threads} --predictions {output} 2>&1 | log_to {log}"


rule predict_valid:
    """Let a fitted cell predict the second test split."""
    input:
        model="<results>/cells/{point}/{latent}/{component}/{feature}/{classifier}/model.skops",
        features="<results>/features/{point}/{latent}/{component}/{feature}.h5",
        store=ancient("<results>/latents/{point}/valid.h5"),
        digest="<results>/latents/{point}/valid.json",
        list="<results>/selection.tsv",
    output:
        "<results>/cells/{point}/{latent}/{component}/{feature}/{classifier}/valid.tsv",
    log:
        "<logs>/predict_valid/{point}/{latent}/{component}/{feature}/{classifier}.log",
    group:
        cell_group
    conda:
        "../../envs/learn.yaml"
    threads: grid.fit_threads(config)
    resources:
        mem_mb=fit_memory,
        runtime=fit_minutes,
    params:
        code=code_of("cross_test"),
    shell:
        "python -m latentprint.steps.cross_test"
        " --model {input.model} --features {input.features} --store {input.store}"
        " --list {input.list} --latent {wildcards.latent} --threads {threads}"
        " --output {output} > {log} 2>&1"


rule share_cell:
    """Give a level the cell that was fitted once for all levels of its point."""
    input:
        fitted_files,
    output:
        expand(
            "<results>/cells/bpp-{{bpp}}/{{latent}}/{{component}}/{{feature}}/{{classifier}}/{name}",
            name=CELL_FILES,
        ),
    log:
        "<logs>/share_cell/bpp-{bpp}/{latent}/{component}/{feature}/{classifier}.log",
    group:
        "scores"
    conda:
        "../../envs/learn.yaml"
    resources:
        mem_mb=per_attempt(1000),
        runtime=minutes_of("share_cell"),
    params:
        folder=subpath(output[0], parent=True),
    shell:
        "cp {input} {params.folder} 2> {log}"
