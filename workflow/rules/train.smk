# The embedded codec weights. Not part of a run: `make codec` calls these rules and puts their outcome
# where the other rules look for it.


rule start_weights:
    """Take earlier embedded weights out of the repository's history, to go on from them."""
    output:
        [f"{RUN}/start/{path}" for path in EMBEDDED_FILES],
    log:
        "<logs>/start_weights.log",
    localrule: True
    conda:
        "../../envs/codec.yaml"
    params:
        commit=config["training"]["start"],
        checkout=str(ROOT),
        folder=subpath(output[0], ancestor=2),
    shell:
        "git -C {params.checkout:q} archive {params.commit} resources/codec 2> {log}"
        " | tar -x -C {params.folder:q} --strip-components=2"


rule train_codec:
    """Train BOP weights of model id 3 on photographs, resuming from the last checkpoint."""
    input:
        start=start_files,
        photographs=training_photographs,
    output:
        settings="<results>/codec/training.json",
        files=[f"{RUN}/codec/{path}" for path in EMBEDDED_FILES],
    log:
        "<logs>/train_codec.log",
    benchmark:
        "<benchmarks>/train_codec.tsv"
    conda:
        "../../envs/codec.yaml"
    threads: 2
    resources:
        mem_mb=per_attempt(6000),
        runtime=minutes_of("train_codec"),
    params:
        code=code_of("train_codec"),
        cfg=training_settings(),
        photos=config["training"]["photos"] or "",
        start=f"--start {RUN}/start" if config["training"]["start"] else "",
        checkpoint=f"{RUN}/training/checkpoint.pt",
    shell:
        "python -m latentprint.steps.train_codec --photos {params.photos:q}"
        " --settings {params.cfg:q} {params.start} --checkpoint {params.checkpoint} --threads {threads}"
        " --output $(dirname {output.settings}) 2>&1 | tee -ia {log}"


rule write_model_card:
    """Say how the embedded weights were made and how good they are."""
    input:
        settings=f"{WEIGHTS}/training.json",
        points=f"{MEASURED}.tsv",
        facts=f"{MEASURED}.json",
        figure="<results>/rd_curve/rd_curve.png",
    output:
        "<results>/rd_curve/model_card.md",
    log:
        "<logs>/write_model_card.log",
    group:
        "report"
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=per_attempt(1000),
        runtime=minutes_of("write_model_card"),
    params:
        code=code_of("write_model_card"),
    shell:
        "python -m latentprint.steps.write_model_card --settings {input.settings}"
        " --points {input.points} --output {output} > {log} 2>&1"
