# What is looked into of the best cells of a run: calibration, learning curve, importance, and tests on
# images and latents that they were not trained for. Which cells those are is known after a checkpoint.


rule validate_cell:
    """Cross-validate a cell whose hyperparameters were not searched on its own values."""
    input:
        features="<results>/features/{point}/{latent}/{component}/{feature}.h5",
        best="<results>/cells/{point}/{latent}/{component}/{feature}/{classifier}/best.yaml",
    output:
        "<results>/detectors/validated/{point}/{latent}/{component}/{feature}/{classifier}.json",
    log:
        "<logs>/validate_cell/{point}/{latent}/{component}/{feature}/{classifier}.log",
    benchmark:
        "<benchmarks>/validate_cell/{point}/{latent}/{component}/{feature}/{classifier}.tsv"
    group:
        cell_group
    conda:
        "../../envs/learn.yaml"
    threads: grid.fit_threads(config)
    resources:
        mem_mb=fit_memory,
        runtime=validation_minutes,
    params:
        code=code_of("validate_cell"),
        cfg=classifier_settings("engine"),
        folds=search_folds,
        cell=fitted,
    shell:
        "python -m latentprint.steps.validate_cell"
        " --features {input.features} --best {input.best}"
        " --classifier {wildcards.classifier} --engine {params.cfg[engine]:q}"
        " --seed {params.cfg[seed]} --folds {params.folds} --cell {params.cell}"
        " --threads {threads} --output {output} 2>&1 | log_to {log}"


checkpoint choose_detectors:
    """Choose the cells that are looked into, by cross-validation."""
    input:
        scores="<results>/scores.tsv",
        validated=validated_cells,
    output:
        candidates="<results>/detectors/candidates.tsv",
        chosen="<results>/detectors/chosen.tsv",
        members="<results>/detectors/members.tsv",
    log:
        "<logs>/choose_detectors.log",
    group:
        "report"
    conda:
        "../../envs/learn.yaml"
    resources:
        mem_mb=per_attempt(1000),
        runtime=minutes_of("choose_detectors"),
    params:
        code=code_of("choose_detectors"),
        number=max(1, DETECTORS["examined"]),
        members=DETECTORS["ensemble"],
    shell:
        "python -m latentprint.steps.choose_detectors"
        " --scores {input.scores} --validated {input.validated}"
        " --count {params.number} --members {params.members}"
        " --candidates-output {output.candidates} --output {output.chosen}"
        " --members-output {output.members} > {log} 2>&1"


rule calibrate_detector:
    """Make scores probabilities, by training images that the fits did not see."""
    input:
        unpack(detector_inputs),
        predictions=detector_file("predictions.tsv"),
    output:
        held_out="<results>/detectors/bpp-{bpp}/{latent}/{component}/{feature}/{classifier}/held_out.tsv",
        calibration="<results>/detectors/bpp-{bpp}/{latent}/{component}/{feature}/{classifier}/calibration.json",
    log:
        "<logs>/calibrate_detector/bpp-{bpp}/{latent}/{component}/{feature}/{classifier}.log",
    benchmark:
        "<benchmarks>/calibrate_detector/bpp-{bpp}/{latent}/{component}/{feature}/{classifier}.tsv"
    group:
        detector_group
    conda:
        "../../envs/learn.yaml"
    threads: grid.fit_threads(config)
    resources:
        mem_mb=fit_memory,
        runtime=detector_minutes,
    params:
        code=code_of("calibrate_detector"),
        cfg=classifier_settings("engine"),
        folds=DETECTORS["folds"],
    shell:
        "python -m latentprint.steps.calibrate_detector"
        " --features {input.features} --best {input.best} --predictions {input.predictions}"
        " --classifier {wildcards.classifier} --engine {params.cfg[engine]:q}"
        " --seed {params.cfg[seed]} --threads {threads} --folds {params.folds}"
        " --held-out {output.held_out} --calibration {output.calibration} 2>&1 | log_to {log}"


rule measure_learning_curve:
    """Fit a detector to parts of its training images."""
    input:
        unpack(detector_inputs),
    output:
        "<results>/detectors/bpp-{bpp}/{latent}/{component}/{feature}/{classifier}/learning_curve.json",
    log:
        "<logs>/measure_learning_curve/bpp-{bpp}/{latent}/{component}/{feature}/{classifier}.log",
    benchmark:
        "<benchmarks>/measure_learning_curve/bpp-{bpp}/{latent}/{component}/{feature}/{classifier}.tsv"
    group:
        detector_group
    conda:
        "../../envs/learn.yaml"
    threads: grid.fit_threads(config)
    resources:
        mem_mb=fit_memory,
        runtime=detector_minutes,
    params:
        code=code_of("measure_learning_curve"),
        cfg=classifier_settings("engine"),
        shares=json.dumps(DETECTORS["shares"]),
        repetitions=DETECTORS["repetitions"],
    shell:
        "python -m latentprint.steps.measure_learning_curve"
        " --features {input.features} --best {input.best}"
        " --classifier {wildcards.classifier} --engine {params.cfg[engine]:q}"
        " --seed {params.cfg[seed]} --threads {threads} --shares {params.shares:q}"
        " --repetitions {params.repetitions} --output {output} 2>&1 | log_to {log}"


rule measure_importance:
    """Find the channels and positions that a detector uses."""
    input:
        unpack(detector_inputs),
    output:
        "<results>/detectors/bpp-{bpp}/{latent}/{component}/{feature}/{classifier}/importance.tsv",
    log:
        "<logs>/measure_importance/bpp-{bpp}/{latent}/{component}/{feature}/{classifier}.log",
    benchmark:
        "<benchmarks>/measure_importance/bpp-{bpp}/{latent}/{component}/{feature}/{classifier}.tsv"
    group:
        detector_group
    conda:
        "../../envs/learn.yaml"
    threads: grid.fit_threads(config)
    resources:
        mem_mb=fit_memory,
        runtime=detector_minutes,
    params:
        code=code_of("measure_importance"),
        cfg=classifier_settings("engine"),
        repetitions=DETECTORS["repetitions"],
    shell:
        "python -m latentprint.steps.measure_importance"
        " --features {input.features} --best {input.best}"
        " --classifier {wildcards.classifier} --engine {params.cfg[engine]:q}"
        " --seed {params.cfg[seed]} --threads {threads}"
        " --repetitions {params.repetitions} --output {output} 2>&1 | log_to {log}"


rule alter_images:
    """Write altered copies of the test images: compressed again, resized, coded by JPEG AI."""
    input:
        images="<results>/selection.tsv",
        weights=alteration_weights,
    output:
        pictures=directory("<results>/detectors/altered/{alteration}/pictures"),
        list="<results>/detectors/altered/{alteration}/images.tsv",
    log:
        "<logs>/alter_images/{alteration}.log",
    conda:
        "../../envs/codec.yaml"
    resources:
        mem_mb=per_attempt(2000),
        runtime=minutes_of("extract_latents"),
    params:
        code=code_of("alter_images"),
        cfg=settings("image_size"),
        coding=alteration_options,
        device=config["device"],
        root=images_root,
    shell:
        "python -m latentprint.steps.alter_images --alteration {wildcards.alteration}"
        " --images {input.images} --root {params.root:q} --image-size {params.cfg[image_size]}"
        " {params.coding} --device {params.device}"
        " --pictures {output.pictures} --list {output.list} 2>&1 | log_to {log}"


rule list_folder:
    """List the images of another generator that a detector is asked about."""
    input:
        folder_pictures,
    output:
        pictures=directory("<results>/detectors/folders/{folder}/pictures"),
        list="<results>/detectors/folders/{folder}/images.tsv",
    log:
        "<logs>/list_folder/{folder}.log",
    conda:
        "../../envs/codec.yaml"
    resources:
        mem_mb=per_attempt(1000),
        runtime=minutes_of("index_images"),
    params:
        code=code_of("alter_images"),
        cfg=settings("image_size"),
        folder=named_folder,
    shell:
        "python -m latentprint.steps.alter_images --folder {params.folder:q}"
        " --image-size {params.cfg[image_size]}"
        " --pictures {output.pictures} --list {output.list} 2>&1 | log_to {log}"


rule analyse_other_images:
    """Encode altered images, or those of a folder, to y."""
    input:
        list="<results>/detectors/{source}/{name}/images.tsv",
        pictures=ancient("<results>/detectors/{source}/{name}/pictures"),
        weights=encoder_weights,
    output:
        store="<results>/detectors/{source}/{name}/model-{model}.h5",
        digest="<results>/detectors/{source}/{name}/model-{model}.json",
    log:
        "<logs>/analyse_other_images/{source}/{name}/model-{model}.log",
    benchmark:
        "<benchmarks>/analyse_other_images/{source}/{name}/model-{model}.tsv"
    wildcard_constraints:
        source="altered|folders",
    conda:
        "../../envs/codec.yaml"
    resources:
        mem_mb=per_attempt(3000),
        runtime=minutes_of("analyse_images"),
        gpu=gpu_wanted,
    params:
        code=code_of("analyse_images"),
        cfg=settings("operating_point", "image_size"),
        device=config["device"],
        root=other_root,
        weights=WEIGHTS,
    shell:
        "python -m latentprint.steps.analyse_images"
        " --images {input.list} --split test --root {params.root:q} --shard 0"
        " --shard-images 10000000 --image-size {params.cfg[image_size]}"
        " --weights {params.weights:q} --operating-point {params.cfg[operating_point]}"
        " --model {wildcards.model} --device {params.device}"
        " --code {params.code} --output {output.store} 2>&1 | log_to {log}"


rule cross_test:
    """Ask a detector about latents that it was not trained for."""
    input:
        unpack(cross_inputs),
    output:
        "<results>/detectors/bpp-{bpp}/{latent}/{component}/{feature}/{classifier}/cross/{test}.tsv",
    log:
        "<logs>/cross_test/bpp-{bpp}/{latent}/{component}/{feature}/{classifier}/{test}.log",
    group:
        detector_group
    conda:
        "../../envs/learn.yaml"
    threads: grid.fit_threads(config)
    resources:
        mem_mb=fit_memory,
        runtime=fit_minutes,
    params:
        code=code_of("cross_test"),
        latent=cross_latent,
    shell:
        "python -m latentprint.steps.cross_test"
        " --model {input.model} --features {input.features} --store {input.store}"
        " --list {input.list} --latent {params.latent} --threads {threads}"
        " --output {output} > {log} 2>&1"


rule average_detectors:
    """Average what the best cells say of the same images."""
    input:
        held_out=member_files("held_out.tsv"),
        asked=members_asked,
    output:
        "<results>/detectors/ensemble/{asked}.tsv",
    log:
        "<logs>/average_detectors/{asked}.log",
    wildcard_constraints:
        asked="predictions|valid|cross/.+",
    group:
        "detectors"
    conda:
        "../../envs/learn.yaml"
    resources:
        mem_mb=per_attempt(1000),
        runtime=minutes_of("average_detectors"),
    params:
        code=code_of("average_detectors"),
    shell:
        "python -m latentprint.steps.average_detectors"
        " --held-out {input.held_out} --asked {input.asked} --output {output} > {log} 2>&1"


rule calibrate_ensemble:
    """Calibrate the average, and decide on held-out images whether it is better than the best."""
    input:
        members="<results>/detectors/members.tsv",
        held_out=member_files("held_out.tsv"),
        predictions="<results>/detectors/ensemble/predictions.tsv",
    output:
        together="<results>/detectors/ensemble/held_out.tsv",
        calibration="<results>/detectors/ensemble/calibration.json",
        detector="<results>/detectors/detector.yaml",
    log:
        "<logs>/calibrate_ensemble.log",
    group:
        "detectors"
    conda:
        "../../envs/learn.yaml"
    resources:
        mem_mb=per_attempt(1000),
        runtime=minutes_of("calibrate_ensemble"),
    params:
        code=code_of("calibrate_ensemble"),
        cfg=settings("seed"),
        folds=DETECTORS["folds"],
    shell:
        "python -m latentprint.steps.calibrate_ensemble"
        " --members {input.members} --held-out {input.held_out}"
        " --predictions {input.predictions} --folds {params.folds} --seed {params.cfg[seed]}"
        " --together {output.together} --calibration {output.calibration}"
        " --detector {output.detector} > {log} 2>&1"


rule pixel_baseline:
    """Fit a small network to the pixels of the same images: what latents are compared with."""
    input:
        "<results>/selection.tsv",
    output:
        predictions="<results>/detectors/pixels/predictions.tsv",
        scores="<results>/detectors/pixels/scores.json",
    log:
        "<logs>/pixel_baseline.log",
    benchmark:
        "<benchmarks>/pixel_baseline.tsv"
    conda:
        "../../envs/learn.yaml"
    threads: grid.fit_threads(config)
    resources:
        mem_mb=pixel_memory,
        runtime=pixel_minutes,
        gpu=gpu_wanted,
    params:
        code=code_of("pixel_baseline"),
        cfg=settings("image_size", "seed"),
        pixels=DETECTORS["pixels"],
        device=config["device"],
        root=images_root,
    shell:
        "python -m latentprint.steps.pixel_baseline --images {input} --root {params.root:q}"
        " --image-size {params.cfg[image_size]} --width {params.pixels[width]}"
        " --epochs {params.pixels[epochs]} --members {params.pixels[members]}"
        " --folds {params.pixels[folds]} --seed {params.cfg[seed]} --device {params.device}"
        " --threads {threads} --predictions {output.predictions} --scores {output.scores}"
        " 2>&1 | log_to {log}"


rule pixel_machine:
    """Fit a support vector machine to the pixels of the same images, made smaller."""
    input:
        "<results>/selection.tsv",
    output:
        predictions="<results>/detectors/pixels/machine.tsv",
        scores="<results>/detectors/pixels/machine.json",
    log:
        "<logs>/pixel_machine.log",
    benchmark:
        "<benchmarks>/pixel_machine.tsv"
    conda:
        "../../envs/learn.yaml"
    resources:
        mem_mb=machine_memory,
        runtime=pixel_minutes,
    params:
        code=code_of("pixel_machine"),
        cfg=settings("image_size", "seed"),
        side=DETECTORS["pixels"]["side"],
        folds=DETECTORS["pixels"]["folds"],
        root=images_root,
    shell:
        "python -m latentprint.steps.pixel_machine --images {input} --root {params.root:q}"
        " --image-size {params.cfg[image_size]} --side {params.side} --folds {params.folds}"
        " --seed {params.cfg[seed]} --predictions {output.predictions} --scores {output.scores}"
        " 2>&1 | log_to {log}"


rule render_detectors:
    """Write tables and figures of the detectors that were looked into."""
    input:
        calibrations=chosen_files("calibration.json"),
        curves=chosen_files("learning_curve.json"),
        importance=chosen_files("importance.tsv"),
        tests=chosen_tests,
        cross=chosen_cross,
        pixels=pixel_scores(),
        ensemble=ensemble_files,
        scores="<results>/scores.tsv",
        costs="<results>/costs.tsv",
        chosen="<results>/detectors/chosen.tsv",
        candidates="<results>/detectors/candidates.tsv",
    output:
        [detector_in_report(path) for path in DETECTORS_SHOWN],
        [path for path in DETECTOR_FILES if path not in DETECTORS_SHOWN],
    log:
        "<logs>/render_detectors.log",
    group:
        "report"
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=per_attempt(2000),
        runtime=minutes_of("render_detectors"),
    params:
        code=code_of("render_detectors"),
        cfg=settings("labels", "run"),
        config_digest=trace.config_digest(config),
        coded_with=coded_with(),
        folder=subpath(output[0], parent=True),
    shell:
        "python -m latentprint.steps.render_detectors"
        " --scores {input.scores} --costs {input.costs}"
        " --candidates {input.candidates} --chosen {input.chosen}"
        " --tests {input.tests} --cross {input.cross} --pixels {input.pixels}"
        " --ensemble {input.ensemble} --coded-with {params.coded_with:q}"
        " --labels {params.cfg[labels]} --run {params.cfg[run]}"
        " --config-digest {params.config_digest} --output {params.folder} > {log} 2>&1"
