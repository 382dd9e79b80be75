# Three forensic cues for JPEG AI images: pictures, their versions, what is measured on them, forests.


rule index_sources:
    """Cut a region out of every picture, note its history, or draw pictures."""
    input:
        source_files,
    output:
        pictures=directory(cue_pictures(versions.SOURCE)),
        list="<results>/cues/sources.tsv",
        exclusions="<results>/cues/exclusions.tsv",
    log:
        "<logs>/index_sources.log",
    benchmark:
        "<benchmarks>/index_sources.tsv"
    conda:
        "../../envs/codec.yaml"
    resources:
        mem_mb=per_attempt(1000),
        runtime=per_attempt(30),
    params:
        code=code_of("index_sources"),
        cfg=settings("seed", "image_size"),
        most=CUE_SETTINGS["most"],
        where=source_options(),
    shell:
        "python -m latentprint.steps.index_sources {params.where} --most {params.most}"
        " --seed {params.cfg[seed]} --size {params.cfg[image_size]}"
        " --pictures {output.pictures} --list {output.list} --exclusions {output.exclusions}"
        " 2>&1 | log_to {log}"


rule compress_images:
    """Send the pictures of a version through JPEG AI at a level."""
    input:
        list="<results>/cues/sources.tsv",
        before=ancient(version_before),
        digests=table_before,
        weights=cue_codec,
    output:
        pictures=directory("<results>/cues/versions/{version}/pictures"),
        table="<results>/cues/versions/{version}/pictures.tsv",
    log:
        "<logs>/compress_images/{version}.log",
    benchmark:
        "<benchmarks>/compress_images/{version}.tsv"
    wildcard_constraints:
        version=versions.ENDS_CODED,
    conda:
        "../../envs/codec.yaml"
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(60),
        gpu=gpu_wanted,
    params:
        code=code_of("compress_images"),
        cfg=settings("device"),
        cues=compressing_settings,
        point=CUE_SETTINGS["operating_point"],
        weights=CUE_WEIGHTS,
        kinds=version_kinds,
    shell:
        "python -m latentprint.steps.compress_images --list {input.list}"
        " --kinds {params.kinds} --version {wildcards.version} --before {input.before}"
        " --settings {params.cues:q} --weights {params.weights:q}"
        " --operating-point {params.point} --device {params.cfg[device]}"
        " --pictures {output.pictures} --table {output.table} 2>&1 | log_to {log}"


rule postprocess_images:
    """Do another step to the pictures of a version: JPEG, smaller, shifted, chroma halved."""
    input:
        list="<results>/cues/sources.tsv",
        before=ancient(version_before),
        digests=table_before,
    output:
        pictures=directory("<results>/cues/versions/{version}/pictures"),
        table="<results>/cues/versions/{version}/pictures.tsv",
    log:
        "<logs>/postprocess_images/{version}.log",
    wildcard_constraints:
        version=versions.ENDS_PLAIN,
    conda:
        "../../envs/codec.yaml"
    resources:
        mem_mb=per_attempt(1000),
        runtime=per_attempt(15),
    params:
        code=code_of("compress_images"),
        kinds=version_kinds,
    shell:
        "python -m latentprint.steps.compress_images --list {input.list}"
        " --kinds {params.kinds} --version {wildcards.version} --before {input.before}"
        " --settings '{{}}'"
        " --pictures {output.pictures} --table {output.table} 2>&1 | log_to {log}"


rule measure_cue:
    """Measure one cue on the pictures of one version."""
    input:
        list="<results>/cues/sources.tsv",
        pictures=ancient("<results>/cues/versions/{version}/pictures"),
        digests=version_table,
        weights=measuring_weights,
    output:
        "<results>/cues/{cue}/measured/{version}.h5",
    log:
        "<logs>/measure_cue/{cue}/{version}.log",
    benchmark:
        "<benchmarks>/measure_cue/{cue}/{version}.tsv"
    wildcard_constraints:
        version=versions.PATTERN,
    conda:
        "../../envs/codec.yaml"
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(60),
        gpu=gpu_wanted,
    params:
        code=code_of("measure_cue"),
        cfg=settings("device"),
        cues=measuring_settings,
        point=CUE_SETTINGS["operating_point"],
        weights=CUE_WEIGHTS,
        kinds=version_kinds,
    shell:
        "python -m latentprint.steps.measure_cue --cue {wildcards.cue} --list {input.list}"
        " --kinds {params.kinds} --version {wildcards.version} --pictures {input.pictures}"
        " --settings {params.cues:q} --weights {params.weights:q}"
        " --operating-point {params.point} --device {params.cfg[device]}"
        " --output {output} 2>&1 | log_to {log}"


rule follow_passes:
    """Send photographs through JPEG AI and JPEG again and again."""
    input:
        list="<results>/cues/sources.tsv",
        pictures=ancient(cue_pictures(versions.SOURCE)),
        weights=cue_codec,
    output:
        "<results>/cues/rd/passes.tsv",
    log:
        "<logs>/follow_passes.log",
    benchmark:
        "<benchmarks>/follow_passes.tsv"
    conda:
        "../../envs/codec.yaml"
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(60),
        gpu=gpu_wanted,
    params:
        code=code_of("follow_passes"),
        cfg=settings("device"),
        cues=passes_settings(),
        point=CUE_SETTINGS["operating_point"],
        weights=CUE_WEIGHTS,
    shell:
        "python -m latentprint.steps.follow_passes --list {input.list}"
        " --pictures {input.pictures} --settings {params.cues:q} --weights {params.weights:q}"
        " --operating-point {params.point} --device {params.cfg[device]}"
        " --output {output} 2>&1 | log_to {log}"


rule classify_cue:
    """Let forests answer a cue's question, by folds of images; make the one that scores pictures."""
    input:
        list="<results>/cues/sources.tsv",
        measured=measured_files,
    output:
        accuracy="<results>/cues/{cue}/accuracy.tsv",
        answers="<results>/cues/{cue}/answers.tsv",
        importance="<results>/cues/{cue}/importance.tsv",
        projection="<results>/cues/{cue}/projection.tsv",
        features="<results>/cues/{cue}/features.tsv",
        model="<results>/cues/{cue}/model.skops",
        facts="<results>/cues/{cue}/detector.json",
    log:
        "<logs>/classify_cue/{cue}.log",
    benchmark:
        "<benchmarks>/classify_cue/{cue}.tsv"
    conda:
        "../../envs/learn.yaml"
    threads: grid.fit_threads(config)
    resources:
        mem_mb=per_attempt(4000),
        runtime=per_attempt(240),
    params:
        code=code_of("classify_cue"),
        cfg=settings("seed"),
        cues=classifying_settings,
        versions=cue_versions,
        trained_on=cue_learnt_text(),
        weights_named=cue_weights_text(),
        folder=subpath(output.accuracy, parent=True),
    shell:
        "python -m latentprint.steps.classify_cue --cue {wildcards.cue} --list {input.list}"
        " --versions {params.versions} --measured {input.measured} --settings {params.cues:q}"
        " --trained-on {params.trained_on:q} --weights-named {params.weights_named:q}"
        " --seed {params.cfg[seed]} --threads {threads} --output {params.folder}"
        " 2>&1 | log_to {log}"


rule render_cues:
    """Write tables and figures of the cues."""
    input:
        list="<results>/cues/sources.tsv",
        exclusions="<results>/cues/exclusions.tsv",
        pictures=ancient(cue_pictures(versions.SOURCE)),
        lowest=ancient(cue_pictures(CUE_LOWEST)),
        digests=cue_table(CUE_LOWEST),
        accuracy=expand("<results>/cues/{cue}/accuracy.tsv", cue=CUE_SETTINGS["wanted"]),
        features=expand("<results>/cues/{cue}/features.tsv", cue=CUE_SETTINGS["wanted"]),
        importance=expand(
            "<results>/cues/{cue}/importance.tsv", cue=CUE_SETTINGS["wanted"]
        ),
        projection=expand(
            "<results>/cues/{cue}/projection.tsv", cue=CUE_SETTINGS["wanted"]
        ),
        passes="<results>/cues/rd/passes.tsv" if "rd" in CUE_SETTINGS["wanted"] else [],
    output:
        [cue_in_report(path) for path in CUES_SHOWN],
        [path for path in CUE_FILES if path not in CUES_SHOWN],
    log:
        "<logs>/render_cues.log",
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=per_attempt(2000),
        runtime=per_attempt(15),
    params:
        code=code_of("render_cues"),
        cfg=settings("run"),
        cues=CUE_SETTINGS["wanted"],
        folders=[f"{RUN}/cues/{cue}" for cue in CUE_SETTINGS["wanted"]],
        features=[
            CUE_SETTINGS.get(cue, {}).get("features", "all")
            for cue in CUE_SETTINGS["wanted"]
        ],
        versions=shown_versions(),
        origin=cues_origin(),
        config_digest=trace.cues_digest(config),
        folder=subpath(output[0], parent=True),
    shell:
        "python -m latentprint.steps.render_cues --list {input.list}"
        " --exclusions {input.exclusions} --cues {params.cues} --folders {params.folders}"
        " --features {params.features} --pictures {input.pictures}"
        " --lowest-pictures {input.lowest} {params.versions} --origin {params.origin:q}"
        " --run {params.cfg[run]} --config-digest {params.config_digest}"
        " --output {params.folder} > {log} 2>&1"


rule cues:
    """The three forensic cues of a run."""
    input:
        cues_asked,
    localrule: True
