# From scores and costs alone to tables and figures; times are those that Snakemake measured.


rule render_tables:
    """Write the thesis' tables, measured beside published, and that of the contrasts."""
    input:
        scores="<results>/scores.tsv",
        costs="<results>/costs.tsv",
        contrasts="<results>/contrasts.tsv",
        published=PUBLISHED_FILES,
    output:
        [table_in_report(stem) for stem in TABLE_STEMS],
        [path for path in TABLES if not path.endswith(".html")],
    log:
        "<logs>/render_tables.log",
    group:
        "report"
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=per_attempt(2000),
        runtime=minutes_of("render_tables"),
    params:
        code=code_of("render_tables"),
        cfg=settings("labels", "run"),
        config_digest=trace.config_digest(config),
        published=published_folder,
        folder=subpath(output[0], parent=True),
    shell:
        "python -m latentprint.steps.render_tables"
        " --scores {input.scores} --costs {input.costs} --contrasts {input.contrasts}"
        " --published {params.published:q} --labels {params.cfg[labels]} --run {params.cfg[run]}"
        " --config-digest {params.config_digest} --output {params.folder} > {log} 2>&1"


rule plot_figures:
    """Draw the thesis' figures and those of our own."""
    input:
        scores="<results>/scores.tsv",
        costs="<results>/costs.tsv",
        published=PUBLISHED_FILES,
    output:
        [figure_in_report(figure) for figure in PLANNED],
        [path for path in FIGURES if not path.endswith(".svg")],
    log:
        "<logs>/plot_figures.log",
    group:
        "report"
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=per_attempt(2000),
        runtime=minutes_of("plot_figures"),
    params:
        code=code_of("plot_figures"),
        cfg=settings("labels"),
        published=published_folder,
        folder=subpath(output[0], parent=True),
    shell:
        "python -m latentprint.steps.plot_figures"
        " --scores {input.scores} --costs {input.costs} --published {params.published:q}"
        " --labels {params.cfg[labels]} --output {params.folder} > {log} 2>&1"


rule describe_run:
    """Write the report's first page: what was done, what came out, how sure it is."""
    input:
        scores="<results>/scores.tsv",
        selected="<results>/selected.yaml",
        audit="<results>/audit/audit.json",
        average=average_decided(),
    output:
        "<results>/landing.rst",
    log:
        "<logs>/describe_run.log",
    group:
        "report"
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=per_attempt(2000),
        runtime=minutes_of("describe_run"),
    params:
        code=code_of("describe_run"),
        cfg=run_settings(),
        run=config["run"],
        config_digest=trace.config_digest(config),
    shell:
        "python -m latentprint.steps.describe_run"
        " --scores {input.scores} --selected {input.selected} --audit {input.audit}"
        " --average {input.average} --settings {params.cfg:q} --run {params.run} --config-digest {params.config_digest}"
        " --output {output} > {log} 2>&1"


rule render_decisions:
    """Write what the thesis reported, what its code did and what we do, for the report."""
    input:
        DECISIONS,
    output:
        report(
            "<results>/decisions.html",
            caption="../report/decisions.rst",
            category="Thesis",
            labels={"page": "decisions"},
        ),
    log:
        "<logs>/render_decisions.log",
    group:
        "report"
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=per_attempt(1000),
        runtime=minutes_of("render_decisions"),
    params:
        code=code_of("render_decisions"),
    shell:
        "python -m latentprint.steps.render_decisions"
        " --decisions {input:q} --output {output} > {log} 2>&1"


# What was measured is no input: which jobs a run has is known only while it runs (points, shards), and
# one of them touched would be a reason to rerun. The inputs end every chain of jobs that is timed.
rule render_times:
    """Write where the time of the run went, from what Snakemake measured of its jobs."""
    input:
        ends=TIMED_ENDS,
        scores="<results>/scores.tsv",
    output:
        [times_in_report(path) for path in TIMES_SHOWN],
        [path for path in TIMES if path not in TIMES_SHOWN],
    log:
        "<logs>/render_times.log",
    group:
        "report"
    conda:
        "../../envs/report.yaml"
    resources:
        mem_mb=per_attempt(2000),
        runtime=minutes_of("render_times"),
    params:
        code=code_of("render_times"),
        cfg=settings("labels", "run"),
        config_digest=trace.config_digest(config),
        benchmarks=f"{RUN}/benchmarks",
        folder=subpath(output[0], parent=True),
    shell:
        "python -m latentprint.steps.render_times"
        " --benchmarks {params.benchmarks} --scores {input.scores}"
        " --labels {params.cfg[labels]} --run {params.cfg[run]}"
        " --config-digest {params.config_digest} --output {params.folder} > {log} 2>&1"
