# latentprint: JPEG AI latents, and what they tell of real and synthetic images.
#
# images -> latents -> features -> tuned classifiers -> scores -> tables, figures, report
#
#     snakemake --cores all                      the embedded demo (config/config.yaml)
#     snakemake --cores 16 --use-conda --configfile config/my.yaml


configfile: "config/config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/inputs.smk"
include: "workflow/rules/looked_into.smk"
include: "workflow/rules/cue_inputs.smk"
include: "workflow/rules/shown.smk"
include: "workflow/rules/limits.smk"
include: "workflow/rules/asked.smk"
include: "workflow/rules/images.smk"
include: "workflow/rules/audit.smk"
include: "workflow/rules/latents.smk"
include: "workflow/rules/features.smk"
include: "workflow/rules/learn.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/detectors.smk"
include: "workflow/rules/cues.smk"
include: "workflow/rules/score.smk"
include: "workflow/rules/rd_curve.smk"
include: "workflow/rules/report.smk"
include: "workflow/rules/train.smk"


report: FIRST_PAGE


rule all:
    """Everything of the run: scores, tables, figures."""
    default_target: True
    input:
        thesis_wanted() if "thesis" in config["parts"] else [],
        cues_wanted() if "cues" in config["parts"] else [],
    localrule: True


rule tables:
    input:
        TABLES,
    localrule: True


rule figures:
    input:
        FIGURES,
    localrule: True
