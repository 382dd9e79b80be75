# How good the codec is that a run uses: its rate-distortion curve on photographs, beside JPEG, WebP
# and, where given, the official transforms. Without photographs (`rd_curve.photos`) the report shows
# the curve that came with the embedded weights.


rule codec_rd_curve:
    """Measure rate and quality of the codecs at a row of settings, photograph by photograph."""
    input:
        weights=rd_weights,
        photographs=rd_photographs,
    output:
        points=f"{MEASURED}.tsv",
        facts=f"{MEASURED}.json",
    log:
        "<logs>/codec_rd_curve.log",
    benchmark:
        "<benchmarks>/codec_rd_curve.tsv"
    conda:
        "../../envs/codec.yaml"
    resources:
        mem_mb=per_attempt(4000),
        runtime=minutes_of("codec_rd_curve"),
        gpu=gpu_wanted,
    params:
        code=code_of("codec_rd_curve"),
        cfg=settings("operating_point", "device"),
        photos=config["rd_curve"]["photos"],
        transforms=rd_transforms,
        weights=WEIGHTS,
    shell:
        "python -m latentprint.steps.codec_rd_curve"
        " --photos {params.photos:q} {params.transforms}"
        " --weights {params.weights:q} --operating-point {params.cfg[operating_point]}"
        " --device {params.cfg[device]} --output {output.points} 2>&1 | tee -i {log}"


rule render_rd_curve:
    """Draw the rate-distortion curve and write its tables."""
    input:
        points=f"{CURVE}.tsv",
        facts=f"{CURVE}.json",
    output:
        [rd_in_report(name) for name in RD_CAPTIONS],
        [path for path in RD_CURVE if path not in RD_SHOWN],
    log:
        "<logs>/render_rd_curve.log",
    group:
        "report"
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=per_attempt(2000),
        runtime=minutes_of("render_rd_curve"),
    params:
        code=code_of("render_rd_curve"),
        cfg=settings("labels", "run"),
        config_digest=trace.config_digest(config),
        folder=subpath(output[0], parent=True),
    shell:
        "python -m latentprint.steps.render_rd_curve --points {input.points}"
        " --labels {params.cfg[labels]} --run {params.cfg[run]}"
        " --config-digest {params.config_digest} --output {params.folder} > {log} 2>&1"
