# Search, fit and prediction of every cell. A cell of y is fitted once per model id, in the folder
# of the model, a cell of y_hat once per operating point; the cells of levels that share it are
# copies.


# Both could make a cell of a level that shares its fit; only the copy is meant.
ruleorder: share_cell > tune_classifier
ruleorder: share_cell > fit_classifier


rule tune_classifier:
    """Find a cell's hyperparameters: search them, take the thesis', or take another cell's."""
    input:
        unpack(search_inputs),
    output:
        trials="<cell>/trials.tsv",
        best="<cell>/best.yaml",
    log:
        "<logs>/tune_classifier/{point}/{latent}/{component}/{feature}/{classifier}.log",
    benchmark:
        "<benchmarks>/tune_classifier/{point}/{latent}/{component}/{feature}/{classifier}.tsv"
    conda:
        "../../envs/learn.yaml"
    threads: grid.fit_threads(config)
    resources:
        mem_mb=fit_memory,
    params:
        code=code_of("tune_classifier"),
        cfg=classifier_settings("search", "engine"),
        how=search_options,
        cell=fitted,
    shell:
        "python -m latentprint.steps.tune_classifier {params.how}"
        " --classifier {wildcards.classifier} --cell {params.cell}"
        " --search {params.cfg[search]:q} --engine {params.cfg[engine]:q}"
        " --seed {params.cfg[seed]} --code {params.code} --threads {threads}"
        " --trials {output.trials} --best {output.best} > {log} 2>&1"


rule fit_classifier:
    """Fit a cell on the training images and predict the test images."""
    input:
        features="<results>/features/{point}/{latent}/{component}/{feature}.h5",
        best="<cell>/best.yaml",
        trials="<cell>/trials.tsv",
    output:
        model="<cell>/model.skops",
        fit="<cell>/fit.yaml",
        predictions="<cell>/predictions.tsv",
        costs="<cell>/costs.json",
    log:
        "<logs>/fit_classifier/{point}/{latent}/{component}/{feature}/{classifier}.log",
    benchmark:
        "<benchmarks>/fit_classifier/{point}/{latent}/{component}/{feature}/{classifier}.tsv"
    conda:
        "../../envs/learn.yaml"
    threads: grid.fit_threads(config)
    resources:
        mem_mb=fit_memory,
    params:
        code=code_of("fit_classifier"),
        cfg=classifier_settings("engine"),
        protocol=config["protocol"],
        cell=fitted,
    shell:
        "python -m latentprint.steps.fit_classifier"
        " --features {input.features} --best {input.best} --trials {input.trials}"
        " --classifier {wildcards.classifier} --engine {params.cfg[engine]:q}"
        " --protocol {params.protocol} --seed {params.cfg[seed]}"
        " --cell {params.cell} --threads {threads}"
        " --model {output.model} --fit {output.fit}"
        " --predictions {output.predictions} --costs {output.costs} > {log} 2>&1"


rule share_cell:
    """Give a level the cell that was fitted once for all levels of its model or operating point."""
    input:
        shared_cell,
    output:
        expand(
            "<results>/cells/{{shared}}/{{component}}/{{feature}}/{{classifier}}/{name}",
            name=CELL_FILES,
        ),
    log:
        "<logs>/share_cell/{shared}/{component}/{feature}/{classifier}.log",
    conda:
        "../../envs/learn.yaml"
    params:
        folder=subpath(output[0], parent=True),
    shell:
        "cp {input} {params.folder} 2> {log}"
