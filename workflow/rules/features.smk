# From latent stores to the values that a classifier sees.


rule build_features:
    """Select latent values: one row per image or per patch; all positions are no copy of the store."""
    input:
        images="<results>/selection.tsv",
        digests=expand(
            "<results>/latents/{{point}}/{split}.json", split=["train", "test"]
        ),
        train=ancient("<results>/latents/{point}/train.h5"),
        test=ancient("<results>/latents/{point}/test.h5"),
    output:
        "<results>/features/{point}/{latent}/{component}/{feature}.h5",
    log:
        "<logs>/build_features/{point}/{latent}/{component}/{feature}.log",
    group:
        features_group
    conda:
        "../../envs/learn.yaml"
    resources:
        mem_mb=per_attempt(1000),
        runtime=minutes_of("build_features"),
    params:
        code=code_of("build_features"),
        cfg=patch_settings,
        how=patch_options,
    shell:
        "python -m latentprint.steps.build_features"
        " --train-store {input.train} --test-store {input.test} --selection {input.images}"
        " --latent {wildcards.latent} --component {wildcards.component}"
        " --feature {wildcards.feature} {params.how} --output {output} > {log} 2>&1"
