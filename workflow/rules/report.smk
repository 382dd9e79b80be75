# From scores and costs alone to tables and figures.


rule render_tables:
    """Write the thesis' tables, measured beside published."""
    input:
        scores="<results>/scores.tsv",
        costs="<results>/costs.tsv",
        published=PUBLISHED_FILES,
    output:
        [table_in_report(stem) for stem in TABLE_STEMS],
        [path for path in TABLES if not path.endswith(".html")],
    log:
        "<logs>/render_tables.log",
    conda:
        "../../envs/report.yaml"
    params:
        code=code_of("render_tables"),
        cfg=settings("labels"),
        published=published_folder,
        folder=subpath(output[0], parent=True),
    shell:
        "python -m latentprint.steps.render_tables"
        " --scores {input.scores} --costs {input.costs} --published {params.published:q}"
        " --labels {params.cfg[labels]} --output {params.folder} > {log} 2>&1"


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
    conda:
        "../../envs/report.yaml"
    params:
        code=code_of("plot_figures"),
        cfg=settings("labels"),
        published=published_folder,
        folder=subpath(output[0], parent=True),
    shell:
        "python -m latentprint.steps.plot_figures"
        " --scores {input.scores} --costs {input.costs} --published {params.published:q}"
        " --labels {params.cfg[labels]} --output {params.folder} > {log} 2>&1"
