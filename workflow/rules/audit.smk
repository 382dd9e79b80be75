# What could betray the label without a look at the content: measured here, drawn and printed apart,
# so that other words or colours do not measure every image again. The audit goes before the long
# jobs, so that a user sees its outcome while these run.


rule audit_images:
    """Measure file traits, find near duplicates, fit classifiers that see no picture."""
    input:
        "<results>/selection.tsv",
    output:
        traits="<results>/audit/traits.tsv",
        duplicates="<results>/audit/near_duplicates.tsv",
        audit="<results>/audit/audit.json",
    log:
        "<logs>/audit_images.log",
    benchmark:
        "<benchmarks>/audit_images.tsv"
    priority: 10
    conda:
        "../../envs/learn.yaml"
    threads: 2
    resources:
        mem_mb=per_attempt(2000),
        runtime=minutes_of("audit_images"),
    params:
        code=code_of("audit_images"),
        cfg=settings("image_size", "seed"),
        root=images_root,
    shell:
        "python -m latentprint.steps.audit_images"
        " --images {input} --root {params.root:q} --image-size {params.cfg[image_size]}"
        " --seed {params.cfg[seed]} --threads {threads}"
        " --traits {output.traits} --duplicates {output.duplicates} --audit {output.audit}"
        " 2>&1 | tee -i {log}"


rule render_audit:
    """Write the tables of the audit and draw the file sizes."""
    input:
        traits="<results>/audit/traits.tsv",
        audit="<results>/audit/audit.json",
    output:
        [audit_in_report(name) for name in AUDIT_CAPTIONS],
        [path for path in AUDIT if path not in AUDIT_SHOWN],
    log:
        "<logs>/render_audit.log",
    group:
        "report"
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=per_attempt(2000),
        runtime=minutes_of("render_audit"),
    params:
        code=code_of("render_audit"),
        cfg=settings("labels", "run"),
        config_digest=trace.config_digest(config),
        images=IMAGES_TEXT,
        folder=subpath(output[0], parent=True),
    shell:
        "python -m latentprint.steps.render_audit"
        " --traits {input.traits} --audit {input.audit} --images-text {params.images:q}"
        " --labels {params.cfg[labels]} --run {params.cfg[run]}"
        " --config-digest {params.config_digest} --output {params.folder} > {log} 2>&1"
